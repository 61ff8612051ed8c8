import { type Digest, Fault, isDigest } from '../kit/index.ts'

/** Which image, as `docker pull` reads it: `host:port/path:tag@digest`. */
export interface ImageName {
  /** `host` or `host:port`. */
  readonly registry: string
  readonly repository: string
  readonly tag?: string | undefined
  readonly digest?: Digest | undefined
}

const maxNameLength = 255

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
const host = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]{2,45}\\])(?::[0-9]{1,5})?$`)
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const tagForm = /^\w[\w.-]{0,127}$/

/** A name in full: without a host it is Docker Hub's, as everywhere. Neither tag nor digest is made up. Throws `invalid`. */
export function parseImageName(text: string): ImageName {
  const fail = (why: string): Fault =>
    new Fault('invalid', `not an image: ${JSON.stringify(text.slice(0, 300))}: ${why}`, {
      hint: 'an image is written host/path:tag or host/path@sha256:…, such as registry.example.com/team/app:1.2',
    })
  const at = text.indexOf('@')
  const digest = at < 0 ? undefined : text.slice(at + 1)
  if (digest !== undefined && !isDigest(digest)) throw fail('what stands behind the @ is not sha256: and 64 lower-case hex digits')
  const named = at < 0 ? text : text.slice(0, at)
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1)
  const tag = colon < 0 ? undefined : named.slice(colon + 1)
  if (tag !== undefined && !isTag(tag)) throw fail('the tag has a character that no tag has, or more than 128')
  const whole = colon < 0 ? named : named.slice(0, colon)
  const { registry, repository } = splitHost(whole)
  if (!isRegistryHost(registry)) throw fail('the host is not one')
  if (!isRepository(repository)) throw fail('a path is of lower-case letters, digits, and single . _ __ or dashes between them')
  if (/^[0-9a-f]{64}$/.test(whole)) throw fail('64 hex digits are the id of an image, not its name')
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) }
}

/** The form that `parseImageName` reads back. */
export function formatImageName({ registry, repository, tag, digest }: ImageName): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

/** Whether a registry takes it as a tag. */
export function isTag(text: string): boolean {
  return tagForm.test(text)
}

/** Whether a registry takes it as the name of a repository. */
export function isRepository(text: string): boolean {
  return text.length <= maxNameLength && text.split('/').every((part) => component.test(part))
}

/** `host` or `host:port`, with a port that can be one. */
export function isRegistryHost(text: string): boolean {
  const port = /:(\d+)$/.exec(text.replace(/^\[.*\]/, ''))?.[1]
  return text.length <= maxNameLength && host.test(text) && (port === undefined || (Number(port) > 0 && Number(port) < 65_536))
}

/** What stands before the first slash is a host if it looks like one; all else is Docker Hub's, and `library/` where it has no slash. */
function splitHost(whole: string): { registry: string; repository: string } {
  const slash = whole.indexOf('/')
  const first = slash < 0 ? '' : whole.slice(0, slash)
  const isHost = slash >= 0 && (/[.:A-Z]/.test(first) || first === 'localhost')
  const registry = isHost ? first : 'docker.io'
  const rest = isHost ? whole.slice(slash + 1) : whole
  if (registry !== 'docker.io' && registry !== 'index.docker.io') return { registry, repository: rest }
  return { registry: 'docker.io', repository: rest.includes('/') ? rest : `library/${rest}` }
}
