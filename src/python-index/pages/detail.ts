import { hexOf } from '../../kit/index.ts'
import type { IndexEnvironment } from '../environment.ts'
import type { ProjectRecord, ProjectStatus, PublishedFile } from '../records/project.ts'

/** What the pages of a project say, in whatever form: the project detail of the simple repository API. */
export interface ProjectDetail {
  readonly name: string
  /** Undefined for an active one. */
  readonly status?: ProjectStatus | undefined
  /** Oldest first, each once. */
  readonly versions: readonly string[]
  readonly files: readonly FileDetail[]
}

export interface FileDetail {
  readonly name: string
  /** Relative to the project's pages. */
  readonly url: string
  readonly size: number
  readonly uploaded: string
  /** Of the file, in hex. */
  readonly sha256?: string | undefined
  readonly requiresPython?: string | undefined
  readonly yanked?: string | undefined
  /** Of its core metadata, in hex. */
  readonly metadata?: string | undefined
  /** A whole URL. */
  readonly provenance?: string | undefined
}

/** Version of the simple repository API that both forms follow. PEP 833 leaves the HTML form at this one. */
export const apiVersion = '1.4'

/** The files of a quarantined project are not offered (PEP 792); its versions are still told. */
export function projectDetail(prefix: string, record: ProjectRecord, environment: Pick<IndexEnvironment, 'urls'>): ProjectDetail {
  const { name, status, files } = record
  const isOffered = status.status !== 'quarantined'
  const base = provenanceBase(prefix, environment)
  return {
    name,
    ...(status.status === 'active' ? {} : { status: { status: status.status, reason: optionalText(status.reason) } }),
    versions: [...new Set(files.map(({ version }) => version))],
    files: isOffered ? files.map((file) => fileDetail(file, base)) : [],
  }
}

function fileDetail(file: PublishedFile, base: string | undefined): FileDetail {
  return {
    name: file.name,
    url: `../${encodeSegment(file.name)}`,
    size: file.size,
    uploaded: file.uploaded,
    sha256: file.digest && hexOf(file.digest),
    requiresPython: optionalText(file.requiresPython || undefined),
    yanked: optionalText(file.yanked),
    metadata: file.metadata && hexOf(file.metadata),
    provenance: file.provenance && base && `${base}${encodeSegment(file.name)}.provenance`,
  }
}

/** PEP 740 wants a fully qualified URL of a secure origin: without one that users see, nothing is said of provenance. */
function provenanceBase(prefix: string, { urls }: Pick<IndexEnvironment, 'urls'>): string | undefined {
  const url = urls.find((each) => each.startsWith('https://'))
  if (url === undefined) return undefined
  const folder = prefix === '' ? '' : `${prefix.split('/').map(encodeSegment).join('/')}/`
  return `${url.replace(/\/*$/, '/')}${folder}`
}

/** `+` becomes %2B: S3 takes a bare one for a space. */
export function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}

function optionalText(text: string | undefined): string | undefined {
  return text === undefined ? undefined : plainText(text)
}

/** Text that both forms can carry, and that is safe to print: control characters become spaces, what is no character U+FFFD. */
function plainText(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, ' ')
    .replaceAll(/\p{Noncharacter_Code_Point}/gu, '\uFFFD')
}
