import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { GenericSchema } from 'valibot'
import { parseBytes, parseDuration } from '../kit/index.ts'
import { type Path, readShape } from './keys.ts'
import type { Tree } from './parse.ts'
import type { WrittenDaemon, WrittenRelease, WrittenRuns, WrittenStore } from './schema.ts'

export interface S3Config {
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
  readonly profile?: string | undefined
  readonly pathStyle?: boolean | undefined
  /** Bytes. */
  readonly partSize: number
  readonly concurrency: number
}

export interface StoreConfig {
  /** A URL; of a folder it is `file:///absolute`. */
  readonly url: string
  readonly s3: S3Config
  readonly sftp: {
    /** An absolute path. */
    readonly sshConfig?: string | undefined
  }
}

/** `[release.NAME]` with every path absolute and every default in place. */
export interface ReleaseConfig {
  readonly name: string
  readonly artifacts: readonly string[]
  readonly build?: string | undefined
  readonly variantFlag: string
  readonly variantLabel: string
  readonly variants: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly metadata?: string | undefined
  readonly sources: Readonly<Record<string, string>>
  readonly publish?: { readonly url: string; readonly public: boolean; readonly cacheControl?: string | undefined } | undefined
  readonly onConflict: 'retry' | 'fail'
  readonly keep?: number | undefined
  /** Milliseconds. */
  readonly keepWithin?: number | undefined
  /** The folder that builds run in. */
  readonly root: string
}

/** `[runs]` with its path absolute. */
export interface RunsConfig {
  /** The folder of experiments. */
  readonly root: string
  /** Seconds. */
  readonly activeWindow: number
  readonly incremental: boolean
}

/** `[daemon]` with every default in place. */
export interface DaemonConfig {
  readonly concurrency: number
  readonly limits: Readonly<Record<string, number>>
  /** Milliseconds. */
  readonly grace: number
  readonly keep: number
}

export function daemonConfig({ concurrency, limits, grace, keep }: WrittenDaemon): DaemonConfig {
  return { concurrency, limits, grace: parseDuration(grace), keep: parseDuration(keep) }
}

/** A password in a file would be read by everybody who reads the file, and lie in every repository that it is committed to. */
export function hasPassword(url: string | undefined): boolean {
  if (url === undefined || !URL.canParse(url)) return false
  const { password, searchParams } = new URL(url)
  return password !== '' || searchParams.has('password')
}

export function storeConfig({ url, s3, sftp }: WrittenStore): StoreConfig {
  const { endpoint, region, profile, path_style: pathStyle, part_size: partSize, concurrency } = s3
  return {
    url,
    s3: { endpoint, region, profile, pathStyle, partSize: parseBytes(partSize), concurrency },
    sftp: { sshConfig: sftp.ssh_config },
  }
}

export function runsConfig({ root, active_window: activeWindow, incremental }: WrittenRuns): RunsConfig {
  return { root, activeWindow, incremental }
}

export function releaseConfig(name: string, written: WrittenRelease, root: string): ReleaseConfig {
  return {
    name,
    artifacts: typeof written.artifact === 'string' ? [written.artifact] : written.artifact,
    build: written.build,
    variantFlag: written.variant_flag,
    variantLabel: written.variant_label ?? labelOf(written.variant_flag),
    variants: written.variants,
    metadata: written.metadata,
    sources: written.sources,
    publish:
      written.publish === undefined
        ? undefined
        : { url: written.publish, public: written.publish_public, cacheControl: written.publish_cache_control },
    onConflict: written.on_conflict,
    keep: written.keep,
    keepWithin: written.keep_within === undefined ? undefined : parseDuration(written.keep_within),
    root,
  }
}

/** `rocm-version` -> `ROCm version`, `python-abi` -> `Python abi`. */
export function labelOf(variantFlag: string): string {
  const [first = '', ...rest] = variantFlag.split('-')
  const name = (word: string) => (word === 'rocm' ? 'ROCm' : word)
  return [first === 'rocm' ? 'ROCm' : first.charAt(0).toUpperCase() + first.slice(1), ...rest.map(name)].join(' ')
}

/** Makes paths and file: URLs absolute, in place; `baseOf` says from which folder a key's value counts. */
export function resolvePlaces(tree: Tree, schema: GenericSchema, baseOf: (path: Path) => string): void {
  for (const { path: keyPath, holder, name, kind } of placesIn(tree, schema, [])) {
    const base = baseOf(keyPath)
    const resolve = (value: string) => (kind === 'url' ? absoluteUrl(value, base) : path.resolve(base, value))
    const value = holder[name]
    if (typeof value === 'string') holder[name] = resolve(value)
    else if (Array.isArray(value)) holder[name] = value.map((item: unknown) => (typeof item === 'string' ? resolve(item) : item))
  }
}

interface Place {
  readonly path: Path
  readonly holder: Tree
  readonly name: string
  readonly kind: 'path' | 'url'
}

function* placesIn(holder: Tree, schema: GenericSchema, above: Path): Generator<Place> {
  const shape = readShape(schema)
  for (const [name, value] of Object.entries(holder)) {
    const inner = shape.form === 'table' ? shape.entries[name] : shape.form === 'named' ? shape.value : undefined
    if (inner === undefined) continue
    const { form, kind } = readShape(inner)
    const keyPath = [...above, name]
    if (form === 'table' || form === 'named') yield* placesIn(value as Tree, inner, keyPath)
    else if (kind === 'path' || kind === 'url') yield { path: keyPath, holder, name, kind }
  }
}

/** `file:./x` counts from `base`; any other URL stays as it is. A folder's URL never ends with a slash. */
export function absoluteUrl(url: string, base: string): string {
  if (!url.startsWith('file:')) return url
  const folder = url.startsWith('file://') ? fileURLToPath(url) : path.resolve(base, decodeURIComponent(url.slice('file:'.length)))
  return pathToFileURL(folder === '/' ? folder : folder.replace(/\/+$/, '')).href
}
