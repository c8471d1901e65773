"""The kubelet: logins that it hands to containerd with each pull.

`logins` reads its config.json as it does, `keys` knows which images an entry there
counts for, `config_json` compares the entries that should be there with those that are.
The door is `part`: what a command means for the kubelet's logins.
"""
