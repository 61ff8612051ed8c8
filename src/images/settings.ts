import { Fault } from '../kit/index.ts'

/** What the commands on images work with: plain values, which configuration and flags give. */
export interface ImagesSettings {
  /** `owner/name` on GitHub. */
  readonly repo: string
  /** The workflow's file: `.github/workflows/build.yml`. */
  readonly workflow: string
  readonly branch?: string | undefined
  /** How many runs are looked at. */
  readonly limit: number
  /** The root of GitHub's REST API. */
  readonly githubApi: string
  /** `host`, `host:port`, or a URL. Undefined where the registry is another than the preset's and nothing says whose it is. */
  readonly gitlabHost?: string | undefined
  /** The project's path or number. */
  readonly gitlabProject: string
  /** Who is asked which tags there are: GitLab, in one request for many repositories, or the registry, in one for each. */
  readonly tagsFrom: 'gitlab' | 'registry'
  /** `host` or `host:port`. Undefined where the GitLab server is another than the preset's and nothing says which registry it has. */
  readonly registry?: string | undefined
  /** Repositories are `<registry>/<registryProject>/<folder>/<family>`. */
  readonly registryProject: string
  readonly registryUsername?: string | undefined
  /** The registry is spoken to without TLS. */
  readonly isPlain: boolean
  /** Tags that may move to another image. */
  readonly moving: readonly string[]
  /** Milliseconds between two cycles of the daemon. */
  readonly interval: number
  /** An absolute path: where downloads lie until they are pushed. */
  readonly downloadsDir: string
  readonly preset: Preset
}

/** What a workflow builds and how it tells. */
export interface Preset {
  readonly families: readonly Family[]
  readonly architectures: readonly Architecture[]
  readonly metadata: MetadataKeys
  readonly inputs: readonly WorkflowInput[]
}

/** An image that the workflow makes for each platform. Without flag, modes and variants every run makes it. */
export interface Family {
  /** Also the last part of its repository: `presto-coordinator`. */
  readonly name: string
  /** The key of the metadata block whose value, true or false, says whether the run made it. */
  readonly flag?: string | undefined
  /** The build modes that make it, where the block has no such key. */
  readonly modes?: readonly string[] | undefined
  /** The variants that make it, in the mode that builds the chosen variant alone. */
  readonly variants?: readonly string[] | undefined
  /** Its file in the run's artifact; `{family}` and `{tag}` stand for its name and the run's tag. */
  readonly tarball: string
}

/** One way in which a platform is written in runs and registries. */
export interface Architecture {
  /** `linux/amd64` */
  readonly platform: string
  /** What a run's tag ends with, after a dash: `linux-amd64`. */
  readonly suffix: string
  /** What repositories of the registry begin with: `x86`. */
  readonly folder: string
}

/** The keys of the block that a run's log prints, as they are printed. */
export interface MetadataKeys {
  /** All of them, in the block's order. */
  readonly keys: readonly string[]
  /** A block without one of these is not complete. */
  readonly required: readonly string[]
  readonly tag: string
  readonly platform: string
  readonly mode?: string | undefined
  readonly variant?: string | undefined
  /** The mode that builds the chosen variant alone: `single`. */
  readonly variantMode?: string | undefined
}

/** A value that the workflow is started with. */
export interface WorkflowInput {
  /** `worker_variant` */
  readonly name: string
  readonly description: string
  /** A commit is a branch, a tag or a whole SHA: short ones may not resolve where the workflow runs. */
  readonly kind: 'text' | 'commit' | 'choice' | 'flag'
  /** Of a choice. */
  readonly options: readonly string[]
  /** Other spellings of an option, and the option that they mean. */
  readonly spellings: Readonly<Record<string, string>>
  /** What the workflow takes where the input is not given. */
  readonly default?: string | undefined
}

/** A run's metadata block. */
export interface RunMetadata {
  /** The value of the key for the tag. */
  readonly tag: string
  /** Every key that the block has, as printed, and its value. */
  readonly fields: Readonly<Record<string, string>>
}

/** Throws `invalid` where none is named: what belongs to one server is never sent to another. */
export function gitlabHostOf({ gitlabHost, registry }: ImagesSettings): string {
  if (gitlabHost !== undefined) return gitlabHost
  throw new Fault('invalid', `no GitLab server is named for the registry ${registry}`, {
    hint: 'set gitlab_host under [images], or --gitlab-host; or tags_from = "registry", which needs no GitLab',
  })
}

/** Throws `invalid` where none is named. */
export function registryOf({ gitlabHost, registry }: ImagesSettings): string {
  if (registry !== undefined) return registry
  throw new Fault('invalid', `no registry is named for the GitLab server ${gitlabHost}`, {
    hint: 'set registry under [images], or --registry: host:port, as `docker login` takes it',
  })
}
