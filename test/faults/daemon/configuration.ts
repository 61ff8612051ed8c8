import path from 'node:path'

export interface Addresses {
  readonly github: string
  readonly gitlab: string
  readonly project: string
  readonly registry: string
  readonly upstream: string
}

export function configuration(
  folder: string,
  { github, gitlab, project, registry, upstream }: Addresses,
  lines: readonly string[],
): string {
  return `${lines.join('\n')}
[store]
url = "file:./store"
[daemon]
concurrency = 3
limits = { images = 2 }
grace = "2s"
[images]
github_api = "${github}"
gitlab_host = "${gitlab}"
gitlab_project = "${project}"
registry = "${registry}"
registry_username = "tester"
limit = 100
[index]
bucket = "file:./wheels"
prefixes = ["v2/one", "v2/two"]
upstream = "${upstream}/simple/"
[index.dependencies.alpha]
projects = ["torch"]
versions = [">=0"]
[index.dependencies.beta]
projects = ["torch"]
versions = [">=0"]
[index.dependencies.gamma]
projects = ["torch"]
versions = [">=0"]
[env.stage]
path = "stage"
mode = "store"
[runs]
root = "lab"
[release.lib]
artifact = "out/lib.a"
build = "sh build.sh"
publish = "file:./published"
metadata = "metadata"
variants = { one = {}, two = {} }
keep = 3
${jobs(folder)
  .map(([name, run, when]) => `[[job]]\nname = "${name}"\nrun = "${run}"\n${when}\ntimeout = "1m"\n`)
  .join('')}`
}

const jobs = (folder: string): readonly (readonly [string, string, string])[] => [
  ['images', 'images sync --missing', 'every = "2s"'],
  ['manifest', 'runs generate-manifest', 'every = "2s"'],
  ['pull', `runs sync sftp://peer${path.join(folder, 'lab')} --to here`, 'after = "manifest"'],
  ['mirror', 'index mirror', 'every = "3s"\njitter = "1s"'],
  ['publish', 'index publish all', 'after = "mirror"'],
  ['restore', 'env restore stage', 'every = "4s"'],
  ['check-env', 'env verify stage', 'after = "restore"'],
  ['keep', 'snapshot create tree --name tree', 'every = "3s"'],
  ['forget', 'snapshot forget --keep-last 4 --name tree --yes', 'after = "keep"'],
  ['prune', 'store prune', 'every = "6s"'],
  ['verify', 'store verify --read-data', 'every = "7s"\ncatch_up = "skip"'],
  ['check-trees', 'snapshot verify', 'every = "7s"'],
  ['release-one', 'release create lib --variant one --yes', 'every = "3s"\npriority = 5'],
  ['release-two', 'release create lib --variant two --no-build --yes', 'every = "4s"'],
  ['thin', 'release prune lib --yes', 'at = "*/7 * * * * *"'],
  ['backup', 'store copy --to file:./backup', 'every = "9s"'],
]

/** The jobs' names. */
export const jobNames = jobs('/').map(([name]) => name)
