# "make" builds the plugin. "make test" runs its test. "make clean" removes both.
CFLAGS ?= -O2
CXXFLAGS ?= -O2
WARNINGS = -Wall -Wextra -Wpedantic

lib__NAME__.so: __NAME__.cpp border.hpp adapt_pruner_plugin.h
	$(CXX) -std=c++17 $(WARNINGS) $(CXXFLAGS) -shared -fPIC -fvisibility=hidden $(LDFLAGS) $< -o $@

run-test: test.c testing.h lib__NAME__.so
	$(CC) -std=c11 $(WARNINGS) $(CFLAGS) $(LDFLAGS) test.c ./lib__NAME__.so -o $@

.PHONY: test clean
test: run-test
	./run-test

clean:
	rm -f lib__NAME__.so run-test
