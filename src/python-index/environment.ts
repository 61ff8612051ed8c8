/** One environment of an index, `[index]` or `[index.env.NAME]`: a bucket whose prefixes are each an index of its own. */
export interface IndexEnvironment {
  /** `default` for `[index]` itself. */
  readonly name: string
  /** The URL of the bucket or folder that holds files and pages. */
  readonly bucket: string
  /** Where its users see the bucket; for checks, purge lists and what people copy. */
  readonly urls: readonly string[]
  /** Keys of the indexes, without slashes at their ends: `v2/gfx94X-dcgpu`. */
  readonly prefixes: readonly string[]
  /** Changes are shown and asked for before they are made. */
  readonly isProtected: boolean
  /** Names of projects that may be published, with `*`; undefined: all. */
  readonly allow?: readonly string[] | undefined
  /** A file whose digest is not known without reading it is refused, where reading is forbidden. */
  readonly requiresHash: boolean
  /** Versions of a project that stay when old ones are archived. */
  readonly keep?: number | undefined
  /** How many catalogues of a prefix can be rolled back to. */
  readonly keepGenerations: number
  /** Milliseconds that a file which no page names any more stays in the bucket. */
  readonly grace: number
  /** Everything that is put into the bucket is readable by anyone. */
  readonly isPublic: boolean
  /** `Cache-Control` of pages and of files. */
  readonly pageCache: string
  readonly fileCache: string
  /** The simple index that projects are mirrored from, where they name no other. */
  readonly upstream: string
  readonly dependencies: readonly Dependency[]
}

/** A project that is mirrored: `[index.dependencies.NAME]`. */
export interface Dependency {
  /** Normalised. */
  readonly name: string
  /** What `--package` selects: `torch`, `rocm`, `jax`. */
  readonly projects: readonly string[]
  /** Exact versions, specifiers such as `>=2,<3`, or `latest`. */
  readonly versions: readonly string[]
  /** A folder below each prefix, an index of its own; undefined: the prefix itself. */
  readonly target?: string | undefined
  /** Platform tags that are taken, with `*`: `manylinux_*_x86_64`; undefined: all. `any` is always taken. */
  readonly platforms?: readonly string[] | undefined
  /** Python tags that are taken, with `*`: `cp311`, `py3`; undefined: all. */
  readonly pythons?: readonly string[] | undefined
  /** Whether source distributions are taken too. */
  readonly takesSources: boolean
  readonly upstream?: string | undefined
}
