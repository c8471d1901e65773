"""The machine that tests run on: packages and downloads that need no installation,
daemons, directories, and machines apart.

`processes` starts and stops daemons, `workspace` hands out directories with short
paths, `packages`, `downloads` and `go_modules` get programs, and `namespaces` gives a
part mounts, processes and a network of its own.
"""
