import path from 'node:path'
import { Fault, readSmallFile } from '../kit/index.ts'
import { defaultSettings, type EnvironmentSettings } from './context.ts'
import { type SnapshotMode, snapshotModes } from './mode.ts'
import { isSnapshotName } from './names.ts'

/** What a `stage-env.cfg` says of suite isolation. */
export interface StageConfig {
  /** Absolute: `cache/data` beside the file. */
  readonly live: string
  /** Absolute; relative ones are beside the file. */
  readonly snapshotsDir: string
  readonly settings: EnvironmentSettings
  /** Keys of the section that mean nothing here, as written. */
  readonly unknown: readonly string[]
}

const section = 'suite_isolation'
const compressions = ['none', 'gzip', 'lzo', 'xz', 'zstd'] as const

/** Reads the section `[suite_isolation]` of the file; what it leaves out is as its documentation says. `invalid` with the line for what it cannot be. */
export async function readStageConfig(file: string): Promise<StageConfig> {
  const text = await readSmallFile(file, 1 << 20)
  if (text === undefined)
    throw new Fault('not-found', 'there is no such file', {
      at: file,
      hint: 'name the stage-env.cfg, or describe the environment in holdfast.toml',
    })
  return parseStageConfig(text, path.resolve(file))
}

/** What a `stage-env.cfg` says, with its defaults. Throws `invalid`, with the line, for a value that it cannot have. */
export function parseStageConfig(text: string, file: string): StageConfig {
  const values = sectionOf(text, file)
  const take = takerOf(values, file)
  const beside = (relative: string) => path.resolve(path.dirname(file), relative)
  const count = take('keep_snapshot_count', asCount)
  const settings: EnvironmentSettings = {
    ...defaultSettings,
    mode: take('mode', asOneOf<SnapshotMode | 'auto'>([...snapshotModes, 'auto'])) ?? 'filesystem',
    squashfsCompression: take('squashfs_compression', asOneOf(compressions)) ?? 'none',
    autoCreateOnStartup: take('auto_create_on_startup', asBoolean) ?? true,
    snapshotName: take('snapshot_name', asName) ?? defaultSettings.snapshotName,
    autoCleanup: take('auto_cleanup', asBoolean) ?? true,
    keep: count === undefined ? defaultSettings.keep : { count },
  }
  const snapshotsDir = beside(take('snapshots_dir', asText) ?? '../testing/snapshots')
  return { live: beside('cache/data'), snapshotsDir, settings, unknown: [...values.keys()].sort() }
}

interface Value {
  readonly text: string
  readonly line: number
}

/** The keys of the section, in lower case. Other sections are somebody else's. */
function sectionOf(text: string, file: string): Map<string, Value> {
  const values = new Map<string, Value>()
  let current: string | undefined
  let isThere = false
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = index + 1
    const trimmed = raw.trim()
    if (trimmed === '' || trimmed.startsWith('#') || trimmed.startsWith(';')) continue
    const header = /^\[([^\]]+)\]$/.exec(trimmed)
    if (header !== null) {
      current = header[1]!
      if (current !== section) continue
      if (isThere) throw problem(file, line, `[${section}] stands here a second time`)
      isThere = true
      continue
    }
    if (current !== section) continue
    const pair = /^([^=:\s][^=:]*?)\s*[=:]\s*(.*)$/.exec(raw)
    if (pair === null) throw problem(file, line, `not a key and a value: ${JSON.stringify(trimmed.slice(0, 80))}`)
    const key = pair[1]!.toLowerCase()
    if (values.has(key)) throw problem(file, line, `${key} is given a second time`)
    values.set(key, { text: pair[2]!.trim(), line })
  }
  if (!isThere)
    throw new Fault('invalid', `the file has no section [${section}]`, {
      at: file,
      hint: `add it: [${section}], and below it: mode = filesystem`,
    })
  return values
}

interface Reader<T> {
  /** Undefined for what it cannot be. */
  readonly read: (text: string) => T | undefined
  readonly expected: string
}

/** Reads a key and takes it out, so that what is left is unknown. */
function takerOf(values: Map<string, Value>, file: string) {
  return <T>(key: string, { read, expected }: Reader<T>): T | undefined => {
    const value = values.get(key)
    if (value === undefined) return undefined
    values.delete(key)
    const result = read(value.text)
    if (result !== undefined) return result
    throw problem(file, value.line, `${key} is ${JSON.stringify(value.text.slice(0, 80))}; expected: ${expected}`)
  }
}

function asOneOf<T extends string>(allowed: readonly T[]): Reader<T> {
  return { read: (text) => allowed.find((each) => each === text), expected: allowed.join(', ') }
}

/** As Python's configparser reads them. */
const asBoolean: Reader<boolean> = {
  read: (text) => (/^(1|yes|true|on)$/i.test(text) ? true : /^(0|no|false|off)$/i.test(text) ? false : undefined),
  expected: 'true or false',
}

const asCount: Reader<number> = {
  read: (text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined),
  expected: 'a whole number from 1 on',
}

const asName: Reader<string> = {
  read: (text) => (isSnapshotName(text) ? text : undefined),
  expected: 'a name of letters, digits, dots, dashes and underscores',
}

const asText: Reader<string> = { read: (text) => (text === '' ? undefined : text), expected: 'a path' }

function problem(file: string, line: number, message: string): Fault {
  return new Fault('invalid', message, { at: `${file}:${line}` })
}
