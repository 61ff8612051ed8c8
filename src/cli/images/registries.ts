import { homedir } from 'node:os'
import path from 'node:path'
import { Option } from 'commander'
import { Fault } from '../../kit/index.ts'
import {
  findCredentials,
  formatImageName,
  type ImageName,
  openRegistry,
  parseImageName,
  parsePlace,
  type Place,
  type Registry,
  type RegistryFor,
} from '../../oci/index.ts'
import type { Call } from '../command.ts'
import { certificatesFrom } from './certificates.ts'
import { secretFrom } from './choose.ts'

/** How registries are reached. */
export interface ReachFlags {
  readonly plainHttp?: boolean
  readonly tlsCa?: string
  readonly username?: string
  readonly passwordStdin?: boolean
}

/** The same for a source and a target that are both registries. */
export interface SidesFlags extends ReachFlags {
  readonly srcPlainHttp?: boolean
  readonly srcTlsCa?: string
  readonly srcUsername?: string
  readonly srcPasswordStdin?: boolean
  readonly destPlainHttp?: boolean
  readonly destTlsCa?: string
  readonly destUsername?: string
  readonly destPasswordStdin?: boolean
}

export function reachOptions(prefix = '', of = ''): Option[] {
  return [
    new Option(`--${prefix}plain-http`, `speak HTTP without TLS${of}; a registry of this machine is asked what it speaks`),
    new Option(`--${prefix}tls-ca <file>`, `certificates in PEM to trust${of}, beside those of the system`),
    new Option(`--${prefix}username <user>`, `who logs in${of}, with --${prefix}password-stdin`),
    new Option(`--${prefix}password-stdin`, `read the password, or a token${of}, from standard input`),
  ]
}

export function sidesOptions(): Option[] {
  return [...reachOptions(), ...reachOptions('src-', ' at the source'), ...reachOptions('dest-', ' at the target')]
}

export const imageForms = 'host/path:tag or host/path@digest, or a place such as oci:FOLDER:NAME'

/** As copy has it, and without `docker://` where the name begins with a host. Relative files lie in the folder of the call. */
export function placeFrom(call: Pick<Call<object>, 'host'>, text: string): Place {
  const isName = /^(?:[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+(?::\d+)?|[a-zA-Z0-9-]+:\d+|localhost)\/./.test(text)
  const place = parsePlace(isName ? `docker://${text}` : text)
  if (place.kind === 'registry') return place
  if (place.kind === 'oci-layout') return { ...place, folder: path.resolve(call.host.cwd, place.folder) }
  return { ...place, file: path.resolve(call.host.cwd, place.file) }
}

/** A repository of a registry, with or without tag and digest. */
export function registryNameFrom(call: Pick<Call<object>, 'host'>, text: string): ImageName {
  const place = text.includes('://') ? placeFrom(call, text) : undefined
  if (place?.kind === 'registry') return place.name
  if (/^(oci|oci-archive|docker-archive):/.test(text)) {
    throw new Fault('invalid', `not in a registry: ${JSON.stringify(text)}`, { hint: 'this command is for registries: host/path:tag' })
  }
  return parseImageName(text)
}

/** As messages and results show it: what `placeFrom` reads. */
export function placeText(place: Place): string {
  if (place.kind === 'registry') return formatImageName(place.name)
  const where = place.kind === 'oci-layout' ? `oci:${place.folder}` : `${place.kind}:${place.file}`
  return place.ref === undefined ? where : `${where}:${place.ref}`
}

/** One side, or the only one. */
export async function registriesOf(call: Call<ReachFlags>, hosts: readonly string[]): Promise<RegistryFor> {
  return await connect(call, call.options, only(hosts, call.options), passwordOnce(call))
}

/** Throws `invalid` where a flag could mean either side. */
export async function registriesOfSides(
  call: Call<SidesFlags>,
  from: readonly Place[],
  to: Place,
): Promise<{ readonly source: RegistryFor; readonly target: RegistryFor }> {
  const { options } = call
  const sources = from.flatMap((place) => (place.kind === 'registry' ? [place.name.registry] : []))
  const targets = to.kind === 'registry' ? [to.name.registry] : []
  const isLogin = options.username !== undefined || options.passwordStdin === true
  if (isLogin && new Set([...sources, ...targets]).size > 1) {
    throw new Fault('invalid', '--username and --password-stdin could be of either registry', {
      hint: 'write --src-username and --src-password-stdin, or --dest-username and --dest-password-stdin',
    })
  }
  if ([options.passwordStdin, options.srcPasswordStdin, options.destPasswordStdin].filter((is) => is === true).length > 1) {
    throw new Fault('invalid', 'only one password can come from standard input', {
      hint: 'log in at the other registry with `docker login`',
    })
  }
  const password = passwordOnce(call)
  const source = await connect(
    call,
    {
      ...options,
      ...given({
        plainHttp: options.srcPlainHttp,
        tlsCa: options.srcTlsCa,
        username: options.srcUsername,
        passwordStdin: options.srcPasswordStdin,
      }),
    },
    only(sources, { username: options.srcUsername ?? options.username }),
    password,
  )
  const isSame =
    sources.length > 0 &&
    sources.every((host) => host === targets[0]) &&
    !Object.keys(options).some((flag) => /^(src|dest)[A-Z]/.test(flag))
  if (isSame) return { source, target: source }
  const target = await connect(
    call,
    {
      ...options,
      ...given({
        plainHttp: options.destPlainHttp,
        tlsCa: options.destTlsCa,
        username: options.destUsername,
        passwordStdin: options.destPasswordStdin,
      }),
    },
    targets[0],
    password,
  )
  return { source, target }
}

function given(flags: { readonly [Key in keyof ReachFlags]: ReachFlags[Key] | undefined }): ReachFlags {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
}

/** A login is for one registry. */
function only(hosts: readonly string[], { username }: { readonly username?: string | undefined }): string | undefined {
  const all = [...new Set(hosts)]
  if (all.length <= 1 || username === undefined) return all[0]
  throw new Fault('invalid', `--username could be of any of ${all.join(', ')}`, { hint: 'log in with `docker login` there' })
}

/** Standard input has it once, for whichever side asks. */
function passwordOnce({ host, signal }: Call<object>): () => Promise<string> {
  let reading: Promise<string> | undefined
  return () => (reading ??= secretFrom(host.stdin.stream, '--password-stdin', signal))
}

async function connect(
  call: Call<object>,
  flags: ReachFlags,
  loginHost: string | undefined,
  readPassword: () => Promise<string>,
): Promise<RegistryFor> {
  const { host, report } = call
  const { env, clock, random } = host
  const { plainHttp, tlsCa, username, passwordStdin } = flags
  if (username !== undefined && passwordStdin !== true) {
    throw new Fault('invalid', '--username is nothing without a password', { hint: 'give it by --password-stdin; it is never a flag' })
  }
  const password = passwordStdin === true ? await readPassword() : undefined
  const images = (await call.config()).images
  const credentials = findCredentials({
    env,
    home: env['HOME'] || homedir(),
    gitlabRegistry: images?.registry,
    given: password === undefined || loginHost === undefined ? undefined : { host: loginHost, user: username, password },
  })
  const ca = await certificatesFrom(call, tlsCa)
  const opened = new Map<string, Registry>()
  return async (name) => {
    const http = await (await call.wire()).http(ca)
    const isPlain = plainHttp ?? (images?.registry === name && images.insecure)
    const registry = opened.get(name) ?? openRegistry({ host: name, http, credentials, isPlain, clock, random, report })
    opened.set(name, registry)
    return registry
  }
}
