"""Git without a working tree: pygit2 for objects, `git` processes for the network.

remote    the one place that starts git: closed environment, credentials, timeouts
failures  what git says, sorted into `hedgehog.errors`
mirror    a kept bare repository: head, fetch, files at a commit
loose     whether its objects are whole
leftovers what killed processes left in it
history   who changed a file
packing   many new files as one pack
commit    trees and commits from changes, push as compare-and-swap
"""
