# "make" builds the plugin. "make test" runs its test. "make clean" removes both.
CFLAGS ?= -O2
WARNINGS = -Wall -Wextra -Wpedantic

lib__NAME__.so: __NAME__.c adapt_pruner_plugin.h
	$(CC) -std=c11 $(WARNINGS) $(CFLAGS) -shared -fPIC -fvisibility=hidden $(LDFLAGS) $< -o $@ -lm

run-test: test.c testing.h lib__NAME__.so
	$(CC) -std=c11 $(WARNINGS) $(CFLAGS) $(LDFLAGS) test.c ./lib__NAME__.so -o $@

.PHONY: test clean
test: run-test
	./run-test

clean:
	rm -f lib__NAME__.so run-test
