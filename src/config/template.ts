/** The commented holdfast.toml that `holdfast init` writes. It loads as it is, and with any example's marks taken away. */
export function configTemplate(): string {
  return `# Holdfast: https://toml.io syntax; every key is described in docs/configuration.md of the package.
# Paths count from this file's folder. Each key has a variable that wins over it (store.url: HOLDFAST_STORE_URL).

[store]
# Where artifacts and records are kept: file:./folder, file:///folder, s3://bucket/prefix
url = "file:./.holdfast/store"

# [store.s3]
# endpoint = "https://s3.example.com"    # where it is not Amazon's
# region = "us-east-1"
# profile = "releases"                   # of ~/.aws; credentials never stand in this file

# A library that is released in channels: \`holdfast release create NAME --mylib-version 1.0\`
# [release.mylib]
# artifact = "out/libmylib.a"            # what the build makes: a file, a directory, or a list
# build = "make mylib VERSION={full}"    # {field} stands for the variant's field of that name
# variant_flag = "mylib-version"         # variants are chosen with --mylib-version
# variants = { "1.0" = { full = "1.0.3" }, "2.0" = { full = "2.0.0" } }
# metadata = "snapshots"                 # metadata.txt of each release, to commit with the sources
# sources = { mylib = "." }              # repositories whose commits are recorded
# publish = "file:./public"              # or s3://bucket/prefix: stable/, last_stable/, archives/
# on_conflict = "retry"                  # of two releases at once: "retry" goes on top, "fail" says that it lost
# keep = 10                              # archives that \`release prune\` keeps
# keep_within = "90d"

# A directory that goes back to a clean state before each test suite: \`holdfast env create\`, \`holdfast env restore\`
# [env.stage]
# path = "cache/data"                    # the live directory
# mode = "auto"                          # or filesystem, squashfs, overlay, reflink, volume, store, recreate, disabled
# snapshot_name = "clean_state"
# keep_snapshot_count = 5
# [env.stage.hooks]
# before_restore = "./stop-nodes"        # what runs in the directory is stopped before, and started after
# after_restore = "./start-nodes"

# A Python package index in a bucket: \`holdfast index mirror --package torch\`, \`holdfast index publish all\`
# [index]
# bucket = "file:./wheels"               # or s3://bucket
# prefixes = ["v2-staging/gpu", "v2/gpu"] # each an index of its own
# [index.dependencies.numpy]             # mirrored from PyPI into each prefix
# projects = ["torch"]
# versions = ["latest", "2.1.3"]

# What runs by itself: \`holdfast daemon\`
# [[job]]
# run = "store prune"                    # a command line of holdfast
# every = "1d"                           # or at = "0 3 * * *", or after = "the name of another job"

# Who is told when that fails: \`holdfast notify test\`
# [[notify]]
# kind = "slack"                         # or "email", "webhook"
# url_env = "SLACK_WEBHOOK_URL"          # the variable that holds the address, which is a secret

# Images that a workflow of GitHub Actions builds, to a registry: \`holdfast images xref\`, \`holdfast images sync --missing\`
# [images]
# repo = "owner/name"                    # without it and the next ones, those of the preset "velox"
# workflow = ".github/workflows/build.yml"
# gitlab_host = "gitlab.example.com"
# gitlab_project = "group/name"
# registry = "gitlab.example.com:5050"
`
}
