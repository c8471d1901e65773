"""Why a pull fails: the verb `check`, from a node's files and registries' answers to
one cause and what mends it.

It changes nothing. Four rooms feed it: `reading` says whom containerd would ask, `lint`
what in its files looks otherwise than it is read (`hosts_reading` joins the two),
`probe` asks the registries, and `explain` knows what error messages mean. `causes` has
the word and the sentence of each cause, `remedies` what mends it. The door is `run`.
"""
