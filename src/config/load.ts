import path from 'node:path'
import type { Job, Target } from '../daemon/index.ts'
import { Fault, readSmallFile } from '../kit/index.ts'
import { type EnvironmentConfig, environmentConfig } from './environment-settings.ts'
import type { Problem } from './jobs.ts'
import { formatPath, type Path } from './keys.ts'
import { type Document, parseDocument } from './parse.ts'
import { overlapsOf } from './overlaps.ts'
import { checkConfig, invalidConfig } from './problems.ts'
import { configSchema, type Written } from './schema.ts'
import { type ServeConfig, serveConfig } from './serve-settings.ts'
import {
  type DaemonConfig,
  daemonConfig,
  hasPassword,
  type ReleaseConfig,
  releaseConfig,
  resolvePlaces,
  type RunsConfig,
  runsConfig,
  type StoreConfig,
  storeConfig,
} from './settings.ts'
import { readVariables, replace, type Replacement } from './variables.ts'

const configFileName = 'holdfast.toml'
const maxFileBytes = 1 << 20

export interface ConfigQuery {
  /** Where to begin to look for holdfast.toml, and what paths in variables and flags count from. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The file to read, instead of looking for one; `not-found` where it is not there. */
  readonly file?: string | undefined
  /** What flags say; they win over all else. */
  readonly overrides?: readonly ConfigOverride[] | undefined
}

export interface ConfigOverride {
  /** `store.url` */
  readonly key: string
  readonly value: unknown
  /** As messages call it: `--store`. */
  readonly flag: string
}

/** The configuration, checked, with defaults, paths absolute. Tables of capabilities keep the names they have in the file. */
export interface Config {
  /** The folder of the file; without one, the working directory. */
  readonly root: string
  readonly file: string | undefined
  readonly store: StoreConfig
  readonly release: Readonly<Record<string, ReleaseConfig>>
  readonly index: Written['index']
  readonly images: Written['images']
  readonly env: Readonly<Record<string, EnvironmentConfig>>
  readonly runs: RunsConfig | undefined
  readonly serve: ServeConfig
  /** A URL of PostgreSQL; it may have a password in it where a variable set it. */
  readonly queue: string | undefined
  readonly daemon: DaemonConfig
  readonly log: Written['log']
  readonly jobs: readonly Job[]
  /** Who is told when jobs fail and are well again. */
  readonly notify: readonly Target[]
  /** Where a key's value comes from: `holdfast.toml:3`, `HOLDFAST_STORE_URL`, `--store` or `default`. */
  origin(key: string): string
  /** Where its value stands, as far as a file can be opened there: `holdfast.toml:3:7`. */
  place(key: string): string
  /** Sentences for people: variables that set nothing. */
  readonly notes: readonly string[]
}

/**
 * Finds holdfast.toml upwards from `cwd`, lays HOLDFAST_* variables over it and flags over those, and checks the whole. No
 * file at all is fine. Throws `invalid` with every problem, `not-found` for a file that was asked for by name.
 */
export async function loadConfig(query: ConfigQuery): Promise<Config> {
  const file = await findFile(query)
  const shown = file === undefined ? undefined : path.relative(query.cwd, file) || file
  const { tree, positions } = file === undefined ? emptyDocument() : parseDocument(await readWhole(file), shown!)
  const { replacements, notes } = readVariables(query.env, tree)
  const flags = (query.overrides ?? []).map(({ key, value, flag }): Replacement => ({ path: key.split('.'), value, by: flag }))

  const sources = createSources(shown, positions)
  for (const replacement of [...replacements, ...flags]) {
    replace(tree, replacement)
    sources.set(replacement)
  }
  const written = checkConfig(tree, sources.nearest, file)

  const root = file === undefined ? path.resolve(query.cwd) : path.dirname(file)
  const baseOf = (keyPath: Path) => (sources.isSet(formatPath(keyPath)) ? path.resolve(query.cwd) : root)
  const environmentRoots = rootsOf(written.env, baseOf)
  resolvePlaces(written, configSchema, baseOf)
  const store = storeConfig(written.store)
  const release = Object.fromEntries(Object.entries(written.release).map(([name, each]) => [name, releaseConfig(name, each, root)]))
  const overlaps = overlapsOf(store, release)
  const { jobs, notify, problems } = await jobsOf(written)
  if (hasPassword(written.queue) && !sources.isSet('queue'))
    problems.push({
      path: ['queue'],
      says: 'a password does not belong into a file; put it into ~/.pgpass, PGPASSWORD, or the whole URL into HOLDFAST_QUEUE_URL',
    })
  const wrong = [...overlaps, ...problems].map(
    (problem) => `${sources.nearest(problem.path, 'value')}: ${formatPath(problem.path)}: ${problem.says}`,
  )
  if (wrong.length > 0) throw invalidConfig(wrong, file)
  return {
    root,
    file,
    store,
    release,
    index: written.index,
    images: written.images,
    env: Object.fromEntries(
      Object.entries(written.env).map(([name, each]) => [name, environmentConfig(name, each, environmentRoots.get(name))]),
    ),
    runs: written.runs === undefined ? undefined : runsConfig(written.runs),
    serve: serveConfig(written.serve),
    queue: written.queue,
    daemon: daemonConfig(written.daemon),
    log: written.log,
    jobs,
    notify,
    origin: sources.origin,
    place: sources.place,
    notes,
  }
}

/** Where each value comes from: the file, or what was laid over it. `file` is as people know it. */
function createSources(file: string | undefined, positions: Document['positions']) {
  const setBy = new Map<string, string>()
  const spotInFile = (key: string, part: 'key' | 'value') => {
    const position = positions.get(key)?.[part]
    return position === undefined ? undefined : `${file}:${position.line}:${position.column}`
  }
  const lineInFile = (key: string) => {
    const position = positions.get(key)
    return position === undefined ? undefined : `${file}:${position.key.line}`
  }
  return {
    set: ({ path: keyPath, by }: Replacement) => void setBy.set(formatPath(keyPath), by),
    isSet: (key: string) => setBy.has(key),
    origin: (key: string) => setBy.get(key) ?? lineInFile(key) ?? 'default',
    place: (key: string) => setBy.get(key) ?? spotInFile(key, 'value') ?? 'default',
    /** Of the key, or of the nearest table around it that is written somewhere. */
    nearest(keyPath: Path, part: 'key' | 'value'): string {
      for (let length = keyPath.length; length > 0; length--) {
        const key = formatPath(keyPath.slice(0, length))
        const place = setBy.get(key) ?? spotInFile(key, part)
        if (place !== undefined) return place
      }
      return file ?? 'the configuration'
    },
  }
}

/** Loaded only where there are any. What is wrong with jobs is told before all else: their names count for who is told. */
async function jobsOf(written: Written): Promise<{ jobs: readonly Job[]; notify: readonly Target[]; problems: Problem[] }> {
  const { jobs, problems } = written.job.length === 0 ? { jobs: [], problems: [] } : (await import('./jobs.ts')).jobsFrom(written.job)
  if (written.notify.length === 0) return { jobs, notify: [], problems }
  const names = jobs.map(({ name }) => name)
  const told = (await import('./notify.ts')).targetsFrom(written.notify, names)
  return { jobs, notify: told.targets, problems: problems.length === 0 ? told.problems : problems }
}

/** A relative path stays below what it counts from, also by way of links; who means another place writes all of it. */
function rootsOf(environments: Written['env'], baseOf: (keyPath: Path) => string): Map<string, string> {
  const relative = Object.entries(environments).filter(([, { path: live }]) => !path.isAbsolute(live))
  return new Map(relative.map(([name]) => [name, baseOf(['env', name, 'path'])]))
}

function emptyDocument(): Document {
  return { tree: {}, positions: new Map() }
}

async function findFile({ cwd, env, file }: ConfigQuery): Promise<string | undefined> {
  const asked = file ?? (env['HOLDFAST_CONFIG'] || undefined)
  if (asked !== undefined) return path.resolve(cwd, asked)
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, configFileName)
    if ((await readSmallFile(candidate, maxFileBytes)) !== undefined) return candidate
    if (folder === path.dirname(folder)) return undefined
  }
}

async function readWhole(file: string): Promise<string> {
  const source = await readSmallFile(file, maxFileBytes)
  if (source !== undefined) return source
  throw new Fault('not-found', 'the configuration file does not exist', {
    at: file,
    hint: 'check --config or HOLDFAST_CONFIG, or run `holdfast init`',
  })
}
