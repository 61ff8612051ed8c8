import * as v from 'valibot'
import { Fault, parseJson, readSmallFile } from '../../kit/index.ts'
import type { RegistryCredential } from './credential.ts'

const entryShape = v.object({
  auth: v.optional(v.string()),
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  identitytoken: v.optional(v.string()),
})
const shape = v.object({
  auths: v.optional(v.record(v.string(), v.nullable(entryShape))),
  credHelpers: v.optional(v.record(v.string(), v.string())),
  credsStore: v.optional(v.string()),
})

export type DockerConfig = v.InferOutput<typeof shape>

/** A program that is to be asked, and what it is asked for. */
export interface HelperNamed {
  readonly helper: string
  readonly server: string
}

/** Docker Hub is kept under the address of its first registry. */
const hub = 'https://index.docker.io/v1/'
const sizeLimit = 4 << 20

/** Undefined where there is no such file. */
export async function readDockerConfig(file: string): Promise<DockerConfig | undefined> {
  const text = await readSmallFile(file, sizeLimit)
  if (text === undefined) return undefined
  try {
    return parseJson(shape, text, file)
  } catch (error) {
    throw new Fault('invalid', 'the configuration of Docker cannot be read', { at: file, hint: 'mend it, or log in anew', cause: error })
  }
}

/** As Docker chooses: the registry's own helper, else the store for all, else what stands in the file itself. */
export function credentialOf(config: DockerConfig, host: string, file: string): RegistryCredential | HelperNamed | undefined {
  const server = host === 'docker.io' ? hub : host
  const own = config.credHelpers?.[server] ?? config.credHelpers?.[host]
  if (own !== undefined && own !== '') return { helper: own, server }
  const { credsStore } = config
  if (credsStore !== undefined && credsStore !== '') return { helper: credsStore, server }
  const entry = Object.entries(config.auths ?? {}).find(([name]) => name === server)?.[1] ?? byHost(config, host)
  return entry === undefined || entry === null ? undefined : credentialIn(entry, file, host)
}

/** Names have been written with a scheme and the version of the protocol, and Docker takes them so; one with any other path is of a part of the registry. */
function byHost({ auths = {} }: DockerConfig, host: string) {
  const names = host === 'docker.io' ? ['docker.io', 'index.docker.io', 'registry-1.docker.io'] : [host]
  const found = Object.entries(auths).find(([name]) => names.includes(name.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '')))
  return found?.[1]
}

function credentialIn(entry: v.InferOutput<typeof entryShape>, file: string, host: string): RegistryCredential | undefined {
  if (entry.identitytoken !== undefined && entry.identitytoken !== '')
    return { kind: 'identity-token', token: entry.identitytoken, from: file }
  if (entry.auth === undefined || entry.auth === '') {
    if (entry.username === undefined || entry.password === undefined) return undefined
    return { kind: 'password', user: entry.username, password: entry.password, from: file }
  }
  const text = Buffer.from(entry.auth, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) {
    throw new Fault('invalid', `what Docker's configuration has for ${host} is no user and password`, {
      at: file,
      hint: `docker login ${host}`,
    })
  }
  // Docker has written zeros behind it, and leaves them out.
  return { kind: 'password', user: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, ''), from: file }
}
