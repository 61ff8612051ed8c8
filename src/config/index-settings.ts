import * as v from 'valibot'
import { Fault, parseDuration } from '../kit/index.ts'
import type { Dependency, IndexEnvironment } from '../python-index/index.ts'
import { nearest } from './nearest.ts'
import { indexSchema, type WrittenIndex } from './schema.ts'

type Keys = Omit<WrittenIndex, 'env'>

/** What the original tools read from the process's environment. */
export interface IndexVariables {
  /** The name of a bucket: chooses the environment that has it, or replaces the bucket. */
  readonly S3_BUCKET_PY?: string | undefined
  /** Prefixes beside those of the file, with commas. */
  readonly CUSTOM_PREFIX?: string | undefined
}

/**
 * The environment of that name; without one, the environment whose bucket S3_BUCKET_PY names, else `[index]` itself. Throws `invalid`
 * where there is none, or no bucket.
 */
export function indexEnvironment(
  written: WrittenIndex | undefined,
  file: string | undefined,
  wanted: string | undefined,
  variables: IndexVariables,
): IndexEnvironment {
  if (written === undefined && !variables.S3_BUCKET_PY) throw noIndex(file)
  const { env, ...shared } = written ?? v.parse(indexSchema, {})
  const bucket = variables.S3_BUCKET_PY ? `s3://${variables.S3_BUCKET_PY.replace(/^s3:\/\//, '').replace(/\/+$/, '')}` : undefined
  const name = wanted ?? Object.keys(env).find((each) => bucket !== undefined && env[each]!.bucket === bucket) ?? 'default'
  if (name !== 'default' && !Object.hasOwn(env, name)) throw noEnvironment(name, Object.keys(env), file)
  const keys: Keys = { ...shared, ...(name === 'default' ? {} : withoutUndefined(env[name]!)) }
  const found = { ...keys, bucket: wanted === undefined ? (bucket ?? keys.bucket) : keys.bucket }
  if (found.bucket === undefined) {
    throw new Fault('invalid', `the index environment ${name} has no bucket`, {
      at: file,
      hint: `set bucket under [index${name === 'default' ? '' : `.env.${name}`}], or S3_BUCKET_PY`,
    })
  }
  const custom = (variables.CUSTOM_PREFIX ?? '').split(',').map((prefix) => prefix.trim())
  return settingsOf(name, found.bucket, [...(keys.prefixes ?? []), ...custom], found)
}

/** All environments that have a bucket, `[index]` first. */
export function indexEnvironmentNames(written: WrittenIndex | undefined): string[] {
  if (written === undefined) return []
  const { bucket, env } = written
  return [...(bucket === undefined ? [] : ['default']), ...Object.keys(env).filter((name) => (env[name]!.bucket ?? bucket) !== undefined)]
}

function settingsOf(name: string, bucket: string, prefixes: readonly string[], keys: Keys): IndexEnvironment {
  return {
    name,
    bucket,
    urls: (keys.urls ?? []).map((url) => url.replace(/\/+$/, '')),
    prefixes: [...new Set(prefixes.map((prefix) => prefix.replace(/^\/+|\/+$/g, '')).filter((prefix) => prefix !== ''))],
    isProtected: keys.protected,
    allow: keys.allow,
    requiresHash: keys.require_hash,
    keep: keys.keep,
    keepGenerations: keys.keep_generations,
    grace: parseDuration(keys.grace),
    isPublic: keys.public,
    pageCache: keys.page_cache_control,
    fileCache: keys.file_cache_control,
    upstream: keys.upstream,
    dependencies: Object.entries(keys.dependencies ?? {}).map(([project, written]): Dependency => ({
      name: project,
      projects: written.projects,
      versions: written.versions,
      target: written.target?.replace(/\/+$/, ''),
      platforms: written.platforms,
      pythons: written.pythons,
      takesSources: written.sources,
      upstream: written.upstream,
    })),
  }
}

function withoutUndefined<T extends object>(keys: T): Partial<{ [K in keyof T]: Exclude<T[K], undefined> }> {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined)) as never
}

function noIndex(file: string | undefined): Fault {
  return new Fault('invalid', 'no Python index is configured', {
    at: file,
    hint:
      file === undefined
        ? 'run `holdfast init` and set `bucket` and `prefixes` under [index], or set S3_BUCKET_PY'
        : 'add a table [index] with `bucket` and `prefixes`, or set S3_BUCKET_PY',
  })
}

function noEnvironment(name: string, names: readonly string[], file: string | undefined): Fault {
  const near = nearest(name, names)
  return new Fault('invalid', `there is no index environment ${JSON.stringify(name)}`, {
    at: file,
    hint: near === undefined ? `choose one of: ${['default', ...names].join(', ')}; or add [index.env.${name}]` : `did you mean ${near}?`,
  })
}
