"""Gitea on this machine: the real Git host of tests and of the demo. `go.mod` says which; devcluster/build.sh builds it."""
