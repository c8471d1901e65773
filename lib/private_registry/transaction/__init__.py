"""A transaction: a plan, made and carried out so that no file is ever half and no run
stays half done.

`plan` compares what is wanted, what is there and what the ledger says we wrote;
`staging` prepares, `journal` and `steps` rename and undo, `lock` and `turns` let one
run at a time work. The door is `commit`.
"""
