import { hash } from 'node:crypto'
import { Fault, keepSecret } from '../../../kit/index.ts'

/** How an S3 server is reached. What is not given comes from `env`, then from the user's AWS files. */
export interface S3Settings {
  /** `https://host[:port][/path]` of a server that is not Amazon's. */
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
  /** A profile of ~/.aws/config and ~/.aws/credentials. */
  readonly profile?: string | undefined
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. Default: true where an endpoint is given. */
  readonly pathStyle?: boolean | undefined
  readonly accessKeyId?: string | undefined
  readonly secretAccessKey?: string | undefined
  readonly sessionToken?: string | undefined
  /** Bytes: a larger body goes up in parts of this size (default 8 MiB; larger where 10,000 parts would not do). S3 takes no less than 5 MiB. */
  readonly partSize?: number | undefined
  /** Parts of one object in flight at once (default 4). A put holds at most this many parts in memory. */
  readonly concurrency?: number | undefined
  /** Bytes: a larger object is copied in parts. Default 5 GiB, the most that one CopyObject may copy. */
  readonly copyThreshold?: number | undefined
  /** Milliseconds without a byte after which a connection is given up (default 60,000). */
  readonly idleTimeout?: number | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** Settings with every default in its place; undefined stands for what only the AWS files can tell. */
export interface ResolvedSettings {
  readonly endpoint: string | undefined
  readonly region: string | undefined
  readonly profile: string | undefined
  readonly pathStyle: boolean
  readonly credentials: Credentials | undefined
  readonly partSize: number
  readonly concurrency: number
  readonly copyThreshold: number
  readonly idleTimeout: number
  /** Equal for two stores of one server and one account: what CopyObject needs. */
  readonly place: string
}

export const MiB = 1 << 20
export const smallestPart = 5 * MiB
export const mostParts = 10_000
const largestCopy = 5 * 1024 * MiB

/** Throws `invalid` for settings that cannot be meant. */
export function resolveSettings(settings: S3Settings): ResolvedSettings {
  const { env } = settings
  const endpoint = checkEndpoint(settings.endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'])
  const credentials = credentialsOf(settings)
  const profile = settings.profile ?? (credentials === undefined ? env['AWS_PROFILE'] : undefined)
  const named = settings.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']
  // Other servers mostly do not care, but a signature has to name some region.
  const region = named ?? (endpoint !== undefined && profile === undefined ? 'us-east-1' : undefined)
  const identity = credentials === undefined ? `profile ${profile ?? 'default'}` : hash('sha256', credentials.accessKeyId)
  return {
    endpoint,
    region,
    profile,
    credentials,
    pathStyle: settings.pathStyle ?? endpoint !== undefined,
    partSize: atLeast('partSize', settings.partSize ?? 8 * MiB, smallestPart),
    concurrency: atLeast('concurrency', settings.concurrency ?? 4, 1),
    copyThreshold: Math.min(atLeast('copyThreshold', settings.copyThreshold ?? largestCopy, smallestPart), largestCopy),
    idleTimeout: atLeast('idleTimeout', settings.idleTimeout ?? 60_000, 1),
    place: `s3 ${endpoint ?? 'aws'} ${region ?? 'profile'} ${identity}`,
  }
}

/** Keys given outright, else keys in the environment unless a profile is asked for, else undefined: the AWS files and machine roles. */
function credentialsOf({ accessKeyId, secretAccessKey, sessionToken, profile, env }: S3Settings): Credentials | undefined {
  if (accessKeyId !== undefined || secretAccessKey !== undefined) return credentials(accessKeyId, secretAccessKey, sessionToken)
  if (profile !== undefined) return undefined
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = env
  return id || secret ? credentials(id, secret, token) : undefined
}

function credentials(id: string | undefined, secret: string | undefined, token: string | undefined): Credentials {
  keepSecret(secret)
  keepSecret(token)
  if (!id || !secret) {
    throw new Fault('invalid', `S3 credentials lack the ${id ? 'secret access key' : 'access key id'}`, {
      hint: 'give both, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither',
    })
  }
  return { accessKeyId: id, secretAccessKey: secret, ...(token ? { sessionToken: token } : {}) }
}

function checkEndpoint(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.search === '') {
    return text.replace(/\/+$/, '')
  }
  throw new Fault('invalid', `not an S3 endpoint: ${JSON.stringify(text)}`, {
    hint: 'write it like https://s3.example.com or http://127.0.0.1:9000, without credentials',
  })
}

function atLeast(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new Fault('invalid', `${name} of an S3 store is ${value}; it must be a whole number of at least ${least}`)
}
