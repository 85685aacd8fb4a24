#!/usr/bin/env python3
"""Makes Tests/Fixtures/chat-templates: templates, conversations, and what Jinja makes of them.

    pip install jinja2==3.1.6
    python scripts/make-chat-template-fixtures.py

The environment is the one in which transformers renders chat templates: a sandbox that changes nothing in place,
trim_blocks and lstrip_blocks on, loop controls, a `tojson` that is json.dumps, `raise_exception`. The templates
are written here, in the styles that models use. Same version of Jinja, same files.
"""

import json
import warnings
from pathlib import Path

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

OUT = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "chat-templates"


class Generation(jinja2.ext.Extension):
    """`{% generation %}`: shows what it holds."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("show"), [], [], body).set_lineno(line)

    def show(self, caller):
        return caller()


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


ENVIRONMENT = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
ENVIRONMENT.filters["tojson"] = tojson
ENVIRONMENT.globals["raise_exception"] = refuse

VARIABLES = {"bos_token": "<s>", "eos_token": "</s>"}

TEMPLATES = {
    # Brackets around the user, the system's words folded into the first user turn, roles in turns.
    "llama2": """\
{% if messages[0]['role'] == 'system' %}
    {% set turns = messages[1:] %}
    {% set opening = messages[0]['content'] %}
{% else %}
    {% set turns = messages %}
    {% set opening = false %}
{% endif %}
{% for turn in turns %}
    {% if (turn['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{ raise_exception('user and assistant must take turns, found ' ~ turn.role) }}
    {% endif %}
    {% if loop.index0 == 0 and opening != false %}
        {% set text = '<<SYS>>\\n' + opening + '\\n<</SYS>>\\n\\n' + turn['content'] %}
    {% else %}
        {% set text = turn['content'] %}
    {% endif %}
    {% if turn['role'] == 'user' %}
        {{- bos_token + '[INST] ' + text.strip() + ' [/INST]' -}}
    {% elif turn['role'] == 'assistant' %}
        {{- ' ' + text.strip() + ' ' + eos_token -}}
    {% endif %}
{% endfor %}
""",
    # A header line for every role, trimmed contents.
    "llama3": """\
{{- bos_token }}
{%- if tools is not none and tools is defined %}
    {{- "Tools: " + tools | tojson(indent=4) }}
{%- endif %}
{%- if strftime_now is defined %}
    {%- set date = strftime_now("%d %b %Y") %}
{%- else %}
    {%- set date = "1 Jan 2025" %}
{%- endif %}
{%- for message in messages %}
    {%- set head = '<|header|>' + message['role'] + '<|/header|>\\n\\n' %}
    {%- if loop.first and message.role == 'system' %}
        {{- head ~ "Today: " ~ date ~ "\\n\\n" ~ message['content'] | trim + '<|turn_end|>' }}
    {%- else %}
        {{- head + message['content'] | trim + '<|turn_end|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|header|>assistant<|/header|>\\n\\n' }}
{%- endif %}
""",
    # One tag a turn, and words of its own where the conversation has no system turn.
    "chatml": """\
{% for message in messages %}
{% if loop.first and messages[0]['role'] != 'system' %}
{{ '<|im_start|>system\\nYou answer briefly.<|im_end|>\\n' }}
{% endif %}
{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}
{% endfor %}
{% if add_generation_prompt %}
{{ '<|im_start|>assistant\\n' }}
{% endif %}
""",
    # The same with tools, calls and the replies to them, thoughts cut out of earlier turns, a namespace.
    "chatml-tools": """\
{%- macro show_call(call) -%}
    {%- if call.function is defined %}{% set call = call.function %}{% endif -%}
    <call>{"name": "{{ call.name }}", "arguments": {{ call.arguments | tojson }}}</call>
{%- endmacro %}
{%- set ns = namespace(last=-1, found=false) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if not ns.found and message.role == "user" %}
        {%- set ns.last = index %}
        {%- set ns.found = true %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == "tool" %}
        {%- if loop.index0 == 0 or messages[loop.index0 - 1].role != "tool" %}{{ '<|im_start|>user' }}{% endif %}
        {{- '\\n<reply>\\n' ~ message.content ~ '\\n</reply>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != "tool" %}{{ '<|im_end|>\\n' }}{% endif %}
    {%- else %}
        {%- set content = message.content if message.content is string else '' %}
        {%- if '</think>' in content and loop.index0 < ns.last %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>' ~ message.role ~ '\\n' }}
        {%- if message.role == 'assistant' %}{% generation %}{{ content }}{% endgeneration %}{% else %}
            {{- content }}
        {%- endif %}
        {%- for call in message.tool_calls or [] %}{{ '\\n' if content or not loop.first }}{{ show_call(call) }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
""",
    # Every assistant turn ends with the end token; a refusal in words.
    "mistral": """\
{%- if messages[0]["role"] == "system" %}
    {%- set system = messages[0]["content"] %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set rest = messages %}
{%- endif %}
{{- bos_token }}
{%- for message in rest %}
    {%- if message["role"] == "user" %}
        {%- if system is defined and loop.last %}
            {{- "[INST] " + system + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"] | trim + eos_token }}
    {%- else %}
        {{- raise_exception("Only user, assistant and a first system turn: " + message["role"]) }}
    {%- endif %}
{%- endfor %}
""",
    # Line breaks of the template are part of the text.
    "zephyr": """\
{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}""",
    # Contents in parts, joins, selections, a macro with a default.
    "parts": """\
{%- macro turn(role, text, close='\\n') %}### {{ role | capitalize }}:
{{ text }}{{ close }}{% endmacro -%}
{%- set system = messages | selectattr('role', 'equalto', 'system') | list %}
{%- if system | length > 1 %}{{ raise_exception('One system turn at most') }}{% endif %}
{%- for message in messages if message.role != 'system' -%}
    {%- if message.content is string -%}
        {{ turn(message.role, message.content) }}
    {%- elif message.content is iterable -%}
        {{ turn(message.role, message.content | selectattr('type', 'eq', 'text') | map(attribute='text') | join(' '),
                close='~\\n') }}
    {%- else -%}
        {{ turn(message.role, message.content) }}
    {%- endif -%}
{%- else -%}
    nothing said
{%- endfor %}
{{ system | map(attribute='content') | first | default('no system') }} {{ '%' }}
""",
}

CONVERSATIONS = {
    "one": [{"role": "user", "content": "What is a tree?"}],
    "answered": [
        {"role": "user", "content": "What is a tree?"},
        {"role": "assistant", "content": "A plant with a trunk."}],
    "system": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "And a shrub? "},
        {"role": "assistant", "content": " A plant without one.\n"},
        {"role": "user", "content": "Thanks"}],
    "unicode": [
        {"role": "system", "content": "Ünïcode ☃ “quoted”"},
        {"role": "user", "content": "\u3000¿Qué?\u00a0e\u0301 é 👨‍👩‍👧 \u2028 end\u3000"},
        {"role": "assistant", "content": "\t答え: 木 <b>&amp;</b> 'x' \"y\" \\n\n"}],
    "empty": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}],
    "long": [
        {"role": ["user", "assistant"][i % 2], "content": f"line {i}\n\n  indented {{{{ not a tag }}}} {{% if %}}"}
        for i in range(5)],
    "wrong-order": [{"role": "assistant", "content": "Me first."}, {"role": "user", "content": "No."}],
    "stranger": [{"role": "user", "content": "Hi"}, {"role": "critic", "content": "Boo"}],
    "none": [],
    "no-content": [{"role": "user"}, {"role": "assistant", "content": None}],
    "two-systems": [{"role": "system", "content": "A"}, {"role": "system", "content": "B"}],
    "parts": [
        {"role": "user", "content": [
            {"type": "text", "text": "Look"}, {"type": "image"}, {"type": "text", "text": "here"}]},
        {"role": "assistant", "content": "I see."}],
    "tools": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nLet me look.", "tool_calls": [
            {"type": "function", "function": {"name": "weather", "arguments": {"city": "Zürich", "days": 2}}},
            {"name": "clock", "arguments": {}}]},
        {"role": "tool", "content": "rain"},
        {"role": "tool", "content": "12:00"},
        {"role": "assistant", "content": "<think>wet</think>\nRain."},
        {"role": "user", "content": "Thanks"},
        {"role": "assistant", "content": "<think>kind</think>\nWelcome."}],
}

# What expressions and statements may name.
CONTEXT = {
    "n": 7, "f": 2.5, "s": "Hello World", "u": "é👩‍🚀ß", "t": True, "z": None, "e": "", "l": [3, 1, 2], "el": [],
    "d": {"b": 1, "a": "x", "items": "shadowed"}, "m": [{"k": "B", "v": {"w": 1}}, {"k": "a"}, {"k": "c", "v": None}],
    "mixed": ["a", 1, None, True, 2.0, ["n"], {"q": 1}], "words": ["pear", "Apple", "fig", "apple"],
}
# Each is a template of its own.
EXPRESSIONS = r"""
1 + 2 * 3
1 - 2 - 3
2 ** 3 ** 2
-2 ** 2
7 // 2
-7 // 2
7 % -3
-7 % 3
7 / 2
6 / 3
1.5 + 1
7.5 // 2
-7.5 % 2
2 ** -1
1e3
1e16
1e-5
0.1 + 0.2
1_000
123456789012345678.0
-0.0
2.0 ** 3
'a' + 'b'
'a' ~ 1 ~ none ~ true ~ 1.0
'ab' * 3
3 * 'ab'
[1] * 2
'a' 'b' "c"
[1] + [2]
(1,) + (2, 3)
'x' ~ undefined_name
true
false
none
True
None
missing
missing.x
missing['x']
d.missing
d.missing.x
z.x
s.x
n.x
n == 7
n == 7.0
true == 1
'1' == 1
n != 7
1 < 2 < 3
1 < 3 < 2
'a' < 'b'
'B' < 'a'
1 < 'a'
none < 1
[1] == [1]
[1] == (1,)
'e\u0301' == 'é'
d == d
none == none
missing == none
missing == missing
1 <= 1.0
not 1 > 2
2 >= 3 or 3 >= 3
n and s
e or 'fallback'
z or false or 0
not e
not not n
n and e
t if e else 'no'
'yes' if n
'yes' if e
1 if 0 else 2 if 0 else 3
'ell' in s
'x' in s
'x' not in s
1 in l
9 in l
'b' in d
'x' in d
not 'x' in d
1 in missing
1 in 'a'
1 in 5
'' in s
true in l
none in mixed
s[0]
s[-1]
s[99]
s[1:4]
s[:-6]
s[::-1]
s[::2]
s[10:2:-3]
s[-100:100]
u[0]
u[-1]
u
u[1:3] | length
u|length
l[0]
l[-1]
l[9]
l['0']
l[1:]
l[::-1]
l[:0]
l[5:]
l[none:2]
l[0:3:2]
l[::0]
d['b']
d.b
d['items']
d.get('b')
d.get('zz')
d.get('zz', 5)
m[0].v.w
m[0]['v']['w']
m.0.k
(1, 2)[1]
'abc'.1
l.index(1)
l.count(3)
mixed[5][0]
[]
[1, 'a', none, true, 1.5]
(1,)
(1, 2)
()
{}
{'a': 1, 2: [3]}
{'a': {'b': "it's"}}
["q\"'\n\t\\\x01é\u200b"]
[[1, [2]], (3,)]
s|upper
s|lower
s|title
s|capitalize
'hello-world (foo) bar_baz x1y'|title
'ǆ ß ŉ'|upper
"they're"|title
"they're".title()
'éA'|capitalize
'  x '|trim
'xxaxx'|trim('x')
s|trim('Hd')
s|replace('o', '0')
s|replace('o', '0', 1)
s|replace('', '-')
'aaa'|replace('aa', 'b')
n|replace(7, 8)
s|length
l|length
d|length
missing|length
n|length
e|count
s|first
s|last
el|first
l|first
l|last
el|last
l|reverse|list
s|reverse
l|join
l|join(', ')
m|join('-', attribute='k')
mixed|join('|')
s|join('.')
el|join('x')
d|join(',')
missing|join('x')
l|sort
l|sort(reverse=true)
words|sort
words|sort(case_sensitive=true)
m|sort(attribute='k')|map(attribute='k')|list
words|sort(true)
mixed|sort
words|unique|list
l|min
l|max
words|min
words|max
el|max
l|sum
m|sum(attribute='zz')
l|sum(start=10)
words|unique(case_sensitive=true)|list
m|map(attribute='k')|list
m|map(attribute='v.w', default='-')|list
words|map('upper')|join(' ')
words|map('replace', 'p', 'b')|list
words|map(attribute='0')|list
m|selectattr('v')|list
m|selectattr('v', 'defined')|map(attribute='k')|list
m|rejectattr('v')|map(attribute='k')|list
m|selectattr('k', 'equalto', 'a')|list|length
l|select('gt', 1)|list
l|reject('odd')|list
l|select|list
mixed|select('string')|list
mixed|select('none')|list|length
l|select('==', 3)|list
l|select('in', [1, 2])|list
z|default('x')
missing|default('x')
e|default('x')
e|default('x', true)
missing|d(1)
d.zz|default([])
z|default('x', boolean=true)
missing.a|default('x')
m[9]|default('y')
d|items|list
d.items()|list
d.keys()|list
d.values()|list
d|list
missing|items|list
d|dictsort|length
{'b': 1, 'A': 2}|dictsort
{'b': 1, 'A': 2}|dictsort(by='value', reverse=true)
n|string + '1'
'12'|int + 1
'x'|int
'x'|int(5)
'3.9'|int
' 4 '|int
f|int
-2.9|int
none|int
'1.5'|float
'x'|float
'x'|float(2.0)
n|float
true|int
-3|abs
-3.5|abs
2.5|round
3.5|round
7|round
2.1|round(method='ceil')
-2.1|round(0, 'floor')
-3|abs + 1
d|tojson
mixed|tojson
u|tojson
'<a href="x">&\'\u007f\x1f\b'|tojson
m|tojson(indent=2)
el|tojson(indent=2)
d|tojson(sort_keys=true)
u|tojson(ensure_ascii=true)
'😀'|tojson(true)
l|tojson(separators=(',', ':'))
1.0|tojson
1e20|tojson
{1: 2, none: 3, true: 4}|tojson
missing|tojson
d|tojson(indent='\t')
{}|tojson(indent=1)
(1, 2)|tojson
"é"|tojson|upper
'a\nb\n\nc'|indent
'a\nb'|indent(2, true)
'a\n\nb'|indent(1, false, true)
'a\nb'|indent('> ')
'a\n'|indent
s|safe
''|indent
n is defined
missing is defined
missing is not defined
d.zz is defined
missing is undefined
z is none
z is not none
n is number
t is number
f is number
s is number
s is string
n is string
d is mapping
l is mapping
l is iterable
s is iterable
n is iterable
d is iterable
missing is iterable
l is sequence
d is sequence
n is sequence
s is sequence
t is boolean
n is boolean
t is true
t is false
n is true
n is integer
t is integer
f is float
n is float
n is odd
n is even
n is divisibleby 7
n is divisibleby(2)
s is lower
'a1' is lower
'A' is upper
n is eq 7
n is ne 7
n is gt 6 and n is lt 8
n is ge(7)
n is le 6
1 is in l
1 is not in l
s is sameas s
z is sameas none
t is sameas true
n == 7 is true
d.items is callable
range is callable
n is callable
'  a b  '.strip() ~ '|'
'  a'.lstrip()
'a  '.rstrip() ~ '|'
'xaxbx'.strip('x')
'a b  c'.split()
'a,b,,c'.split(',')
'a,b,c'.split(',', 1)
'a b  c d'.split(none, 2)
'a,b,c'.rsplit(',', 1)
''.split()
''.split(',')
'a\nb\r\nc\n'.splitlines()
s.startswith('He')
s.startswith(('x', 'H'))
s.endswith('ld')
s.endswith('')
s.upper()
s.lower()
s.title()
'hELLO'.capitalize()
s.replace('l', 'L')
s.replace('l', 'L', 2)
s.find('o')
s.rfind('o')
s.find('zz')
u.find('ß')
s.index('W')
s.index('zz')
s.count('l')
s.count('')
', '.join(words)
','.join(l)
'12'.isdigit()
''.isdigit()
'ab'.isalpha()
' '.isspace()
'AB'.isupper()
'aB'.islower()
'prefix-x'.removeprefix('prefix-')
'x.txt'.removesuffix('.txt')
'a=b=c'.partition('=')
'a=b=c'.rpartition('=')
'abc'.partition('=')
'abc'.rpartition('=')
'42'.zfill(5)
'-42'.zfill(5)
'aXbX'.split('X')
'a'.split('')
range(3)|list
range(1, 4)|list
range(4, 0, -2)|list
range(0)|list
range(3)|length
range(1000000)|list
range(1, 2, 0)
dict(a=1, b=2)
dict({'x': 1}, y=2)
namespace(a=1).a
namespace().a is defined
raise_exception('stop')
nothing()
s()
s|nosuchfilter
s is nosuchtest
1 / 0
1 // 0
1 % 0
'a' - 'b'
-s
+f
-t
+t
l + 1
{}.a.b
{'a': 1}['a']
{[1]: 2}
-n|abs
-n.x is defined
- n + 1
(n)
(n, )
((n))
n ~ -n
'a' ~ 'b' * 2
1 ~ 2 + 3
'x' if n is defined and n > 3 else 'y'
not n is defined
n is defined == true
l|length > 2
l|length + 1
s|upper ~ s|lower
"\x41\u00e9\U0001F600\101\q"
'\a\b\f\v'|tojson
'it\'s'
"\""
'{{ x }}'
'%}'
{'a': {'b': {}}}
{"k": [1, {"z": 2}]}["k"][1]["z"]
'x y'|title|lower|upper
[[1]]|first|first
'abc'|list|last
l|sort|first
'ab'[0]|upper
(d.a ~ 'z')|length
m|length > 2 and n > 3
'a' in ['b', 'a'] and 'x' not in d
l[0] + l[-1] * 2
messages|length == 0
s[loop.index]
s.split(' ')[1]|lower
s.split()[0][:2]
{'r': 'user'}['r'] == 'user'
1 if missing else 2
missing or 'q'
missing.a or 1
not missing
"""

# Whole templates: statements, scopes, whitespace.
STATEMENTS = [
    "{% for x in l %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ ', ' if not loop.last }}{% endfor %}",
    "{% for x in l %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }};{% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{% for y in l %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}{% endfor %}",
    "{% for x in [1, 1, 2] %}{{ loop.changed(x) }}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}",
    "{% for k, v in d|items %}{{ k }}={{ v }};{% endfor %}",
    "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [(1, 2, 3)] %}{{ a }}{% endfor %}",
    "{% for x in [] %}x{% else %}none{% endfor %}{% for x in missing %}x{% else %}none{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}:{{ x }} {% else %}none{% endfor %}",
    "{% for x in l if x > 9 %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in 5 %}{{ x }}{% endfor %}",
    "{% for x in 'é👩‍🚀' %}[{{ x }}]{% endfor %}",
    "{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x > 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% set x = 1 %}{% for i in l %}{{ x }}{% set x = i %}{{ x }};{% endfor %}{{ x }}",
    "{% for i in l %}{{ y }}{% set y = i %}{{ y }};{% endfor %}{{ y }}",
    "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}",
    "{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set s.x = 1 %}",
    "{% set a, b = 1, 'two' %}{{ a }}{{ b }}",
    "{% set x = 1, 2 %}{{ x }}",
    "{% set x %}  block {{ n }}\n{% endset %}[{{ x }}]",
    "{% set x | upper | trim %} block {{ n }} {% endset %}[{{ x }}]",
    "{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y is defined }}",
    "{% filter upper %}some {{ s }}{% endfilter %}",
    "{% filter replace('o', '0') | upper %}foo{% endfilter %}",
    "{% macro f(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ f(1) }}{{ f(1, 3) }}{{ f(1, c='y') }}{{ f() }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}",
    "{% macro f(a) %}{{ a }}{% endmacro %}{{ f(zz=2) }}",
    "{% macro f(a) %}[{{ a }}{{ n }}]{% endmacro %}{% for x in l %}{{ f(x) | replace('[', '(') }}{% endfor %}",
    "{% macro down(i) %}{{ i }}{% if i > 0 %}{{ down(i - 1) }}{% endif %}{% endmacro %}{{ down(5) }}",
    "{% macro f(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ f(4) }}",
    "{% macro f(m) %}{% for x in m %}{{ x }}{{ loop.index }}{% endfor %}{% endmacro %}{% for r in [[1], [2, 3]] %}{{ f(r) }}|{% endfor %}",
    "{% if n > 9 %}a{% elif n > 5 %}b{% elif true %}c{% else %}d{% endif %}",
    "{% if missing %}a{% else %}b{% endif %}{% if el %}a{% endif %}{% if not d %}a{% else %}c{% endif %}",
    "a {{ 'two\nlines' }} {{ 'joined\\\n' }}{{ missing.x if n else 1 }}",
    "{# comment #}a{#- x -#} b {#+ y +#}\nc\n  {# own line #}\nd",
    "a\n  {% if true %}\n  b\n  {% endif %}\nc\n",
    "a\n  {%- if true %}\n  b\n  {%- endif %}\nc\n\n",
    "a\n  {% if true -%}\n  b\n  {% endif -%}\n  c",
    "a\n  {%+ if true +%}\n  b\n  {%+ endif +%}\n  c",
    "  {{ n }}\n  {{- n }}\n  {{ n -}}\n  x",
    "x {% if true %} y {% endif %} z",
    "{% if true %}\n\n  y{% endif %}\r\nz\r",
    "\n\n{% if true %}a{% endif %}\n\n",
    "\t {% set q = 1 %}\t\n\u00a0{% set q = 2 %}\u00a0{{ q }}",
    "{{ n }}{{ n }}\n{{ n }}\n\n{{ n }}",
    "{% raw %}{{ n }} {% if %}\n {% endraw %}\n x",
    " {%- raw -%} {{ n }} {%- endraw -%} x",
    "{%raw%}\n a{%endraw%}\n{{n}}{%if true%}b{%endif%}",
    "{{ {'a': {'b': 1}}.a.b }}{{ {'a': {}} }}",
    "{{ '}}' }}{{ '{%' }}{% set x = '%}' %}{{ x }}",
    "{% generation %}a{{ n }}{% endgeneration %}b",
    "{{ messages }}{{ tools is none }}{{ bos_token is defined }}",
    "{{ (l | length) * 2 }}{{ l | length * 2 }}",
    "{{ loop is defined }}{% for x in l %}{{ loop is defined }}{% endfor %}",
    "{% for x in l %}{% if loop.first %}{% set first = x %}{% endif %}{% endfor %}{{ first is defined }}",
    "{% for x in l %}a{% else %}b{% endfor %}{% for x in l %}{% for y in l %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% if n == 7 %}{{ 'x' }}\n{% endif %}\n  {# c #}  {% if n %} y{% endif %}",
    "{{- '\\n' -}}  x  {{- ' ' }}",
    "{% set x = {'a': l} %}{% set y = x.a + [4] %}{{ x }}{{ y }}",
    "{% set _ = l.append(4) %}",
    "{{ d.update({'q': 1}) }}",
    # Mistakes.
    "{% if n %}a", "{% for x in l %}a", "{{ n", "{% if n %}a{% endfor %}", "{{ n }", "{{ }}", "{{ 1 + }}", "{% if %}a{% endif %}",
    "{% endif %}", "{{ (1 }}", "{{ 1) }}", "{{ 'a }}", "{% set 1 = 2 %}", "{% nonsense %}", "{# open", "{% raw %} open",
    "{{ a.}}", "{{ [1, }}", "{{ {'a' 1} }}", "{% for in l %}{% endfor %}", "{% for x l %}{% endfor %}", "{{ x | }}", "{{ x is }}",
    "{% break %}", "{% macro f( %}{% endmacro %}", "{{ f(a=1, 2) }}", "{{ ! }}", "{{ a b }}", "{% else %}", "{{ 1 is 2 }}",
    "{% set x = %}", "{% set x %}", "{{ $ }}", "{% if n %}{% else %}{% else %}{% endif %}", "{% set none = 1 %}",
]


def rendered(template, variables):
    """The text, or None where Jinja refuses, with its words (for the reader; they are not compared)."""
    try:
        return {"text": ENVIRONMENT.from_string(template).render(**variables)}
    except (jinja2.exceptions.TemplateError, SyntaxError, TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        return {"text": None, "refusal": f"{type(error).__name__}: {error}"}


def write(name, value):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def main():
    # Python warns of escapes that it does not know, and keeps them.
    warnings.simplefilter("ignore")
    cases = []
    for template, text in TEMPLATES.items():
        for conversation, messages in CONVERSATIONS.items():
            for prompt in (False, True):
                variables = {
                    **VARIABLES, "messages": messages, "add_generation_prompt": prompt, "tools": None,
                    "documents": None}
                cases.append({
                    "template": template, "conversation": conversation, "add_generation_prompt": prompt,
                    **rendered(text, variables)})
    write("conversations.json", {
        "variables": VARIABLES, "templates": TEMPLATES, "conversations": CONVERSATIONS, "cases": cases})

    variables = {
        **CONTEXT, "messages": [], "add_generation_prompt": False, "tools": None, "documents": None}
    snippets = ["{{ " + expression + " }}" for expression in EXPRESSIONS.strip().split("\n")] + STATEMENTS
    write("snippets.json", {
        "variables": CONTEXT, "cases": [{"template": text, **rendered(text, variables)} for text in snippets]})


if __name__ == "__main__":
    main()
