"""Source instrumentation: the program's own modules are compiled with calls that record what they do.

`options` says what is wanted. `variables`, `attributes`, `functions`, `exceptions` and `comments` each change the
syntax tree for one concept. `compiler` applies them, `imports` has imported modules compiled so, `main_program` the
script of a child process. `caches` keeps what is compiled so out of files. `log` is what the inserted calls call, and
`fallback` is for code that does not find it.
"""
