import { isDigest, isFault, isKey } from '../../kit/index.ts'
import { parseHttpUrl } from '../../kit/http/index.ts'
import { parseFileName } from '../names/file-name.ts'
import { usableSpecifier } from '../names/specifier.ts'
import type { ProjectStatus } from '../records/project.ts'
import { type DroppedFile, maxDropped, type UpstreamFile, type UpstreamProject, type WrittenFile, type WrittenPage } from './project.ts'

/** Characters of what a page says for people. */
const maxText = 1_000
const maxUrl = 4_096

/** Takes of a page what may be believed: everything else is dropped, with its reason. `base` is what relative addresses are relative to. */
export function sift(page: WrittenPage, project: string, url: string, base: URL): UpstreamProject {
  const files = new Map<string, UpstreamFile>()
  const dropped: DroppedFile[] = []
  const contested = new Set<string>()
  let others = 0
  const drop = (file: DroppedFile) => {
    if (dropped.length < maxDropped) dropped.push(file)
  }
  for (const each of page.dropped) drop(each)
  for (const written of page.files) {
    const sifted = siftFile(written, project, base)
    if (sifted === 'other') others++
    else if (typeof sifted === 'string') drop({ name: shown(written.name, 300), reason: sifted })
    else if (isContested(files.get(sifted.name), sifted)) contested.add(sifted.name)
    else files.set(sifted.name, files.get(sifted.name) ?? sifted)
  }
  for (const name of contested) {
    files.delete(name)
    drop({ name, reason: 'the page lists it more than once, with other content' })
  }
  return { name: project, url, files: [...files.values()], dropped, others, status: statusOf(page) }
}

function isContested(one: UpstreamFile | undefined, other: UpstreamFile): boolean {
  return one !== undefined && (one.digest !== other.digest || (one.digest === undefined && one.url !== other.url))
}

/** The file; or `other`; or what is wrong with it. */
function siftFile(written: WrittenFile, project: string, base: URL): UpstreamFile | string {
  const { name } = written
  if (!isKey(name) || name.includes('/') || name.includes('\\')) return 'its name cannot be the name of a file'
  const means = parseFileName(name, project)
  if (means.kind === 'foreign') return 'other'
  if (means.kind === 'bad') return means.reason
  const url = webAddress(written.url, base)
  if (url === undefined) return 'its address is not one of the web'
  const digest = written.sha256 === undefined ? undefined : digestFrom(written.sha256)
  if (digest === null) return 'its SHA-256 is none'
  return {
    name,
    means,
    url,
    digest,
    size: written.size !== undefined && Number.isSafeInteger(written.size) && written.size >= 0 ? written.size : undefined,
    uploaded: timeFrom(written.uploaded),
    requiresPython: usableSpecifier(written.requiresPython),
    yanked: written.yanked === undefined ? undefined : shown(written.yanked, maxText),
    metadata: (written.metadata === undefined ? undefined : digestFrom(written.metadata)) ?? undefined,
    provenance: written.provenance === undefined ? undefined : webAddress(written.provenance, base),
  }
}

function webAddress(text: string, base: URL): string | undefined {
  if (text.length > maxUrl) return undefined
  try {
    // What a page says of users and passwords is not believed.
    const { url } = parseHttpUrl(text, base)
    url.hash = ''
    return url.href
  } catch (error) {
    if (isFault(error, 'invalid')) return undefined
    throw error
  }
}

function digestFrom(hex: string) {
  const digest = `sha256:${hex.toLowerCase()}`
  return isDigest(digest) ? digest : null
}

function timeFrom(text: string | undefined): string | undefined {
  if (text === undefined || !/^\d{4}-\d{2}-\d{2}T[\d:.]{5,20}(Z|[+-]\d{2}:?\d{2})$/.test(text)) return undefined
  const time = Date.parse(text)
  return Number.isNaN(time) ? undefined : new Date(time).toISOString()
}

function statusOf({ status, reason }: WrittenPage): ProjectStatus {
  if (status !== 'archived' && status !== 'quarantined' && status !== 'deprecated') return { status: 'active' }
  return reason === undefined || reason === '' ? { status } : { status, reason: shown(reason, maxText) }
}

/** For people, on one line. */
function shown(text: string, most: number): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, most)
    .toWellFormed()
}
