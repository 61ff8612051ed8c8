import * as v from 'valibot'
import { isDigest, type Digest, type Shape } from '../../kit/index.ts'
import { parseFileName } from '../names/file-name.ts'
import { normaliseVersion } from '../names/version.ts'
import type { WrittenFile, WrittenPage } from '../upstream/project.ts'
import type { CheckDesk } from './desk.ts'
import { askForms, parsePage, type SeenPage } from './pages.ts'

/** A file as the pages of its project tell of it. */
export interface ListedFile {
  readonly project: string
  readonly name: string
  readonly version: string
  readonly kind: 'wheel' | 'sdist'
  readonly url: string
  readonly digest?: Digest | undefined
  readonly size?: number | undefined
  readonly metadata?: Digest | undefined
  readonly requiresPython?: string | undefined
  readonly yanked?: string | undefined
  readonly provenance?: string | undefined
}

/** Looks at both forms of a project's page, which have to say the same; gives the files. */
export async function checkProject(desk: CheckDesk, index: string, project: string): Promise<ListedFile[]> {
  const url = new URL(`./${project}/`, index).href
  const { json, html } = await askForms(desk, url)
  const [inJson, inHtml] = [json && parsePage(desk, json, project), html && parsePage(desk, html, project)]
  if (json !== undefined && inJson !== undefined) checkVersions(desk, json)
  if (inJson !== undefined && inHtml !== undefined)
    checkAgreement(desk, url, { page: inJson, at: json!.url }, { page: inHtml, at: html!.url })
  const page = inJson ?? inHtml
  return page === undefined ? [] : listedFiles(desk, (inJson === undefined ? html : json)!.url, project, page)
}

function listedFiles(desk: CheckDesk, at: string, project: string, page: WrittenPage): ListedFile[] {
  const listed = new Map<string, ListedFile>()
  for (const { name, reason } of page.dropped) desk.tell(at, `${name}: ${reason}`)
  for (const file of page.files) {
    const means = parseFileName(file.name, project)
    const url = URL.parse(file.url, at)
    if (means.kind === 'foreign' || means.kind === 'bad') {
      desk.tell(
        at,
        `it lists ${JSON.stringify(file.name.slice(0, 200))}: ${means.kind === 'bad' ? means.reason : 'this is no distribution'}`,
      )
    } else if (url === null) desk.tell(at, `${file.name} has no usable address: ${JSON.stringify(file.url.slice(0, 200))}`)
    else if (listed.has(file.name)) desk.tell(at, `it lists ${file.name} more than once`)
    else {
      // S3 reads a bare plus sign as a space.
      if (file.url.includes('+')) desk.tell(at, `the link to ${file.name} has a plus sign that is not written %2B`, 'warning')
      url.hash = ''
      listed.set(file.name, {
        ...file,
        project,
        version: means.version,
        kind: means.kind,
        url: url.href,
        digest: digestFrom(desk, at, file.name, file.sha256),
        metadata: digestFrom(desk, at, `the METADATA of ${file.name}`, file.metadata),
      })
    }
  }
  return [...listed.values()]
}

function digestFrom(desk: CheckDesk, at: string, what: string, hex: string | undefined): Digest | undefined {
  if (hex === undefined) return undefined
  const digest = `sha256:${hex.toLowerCase()}`
  if (isDigest(digest)) return digest
  desk.tell(at, `the SHA-256 of ${what} is none: ${JSON.stringify(hex.slice(0, 80))}`)
  return undefined
}

/** What both forms can say. */
const aspects: readonly (readonly [string, keyof WrittenFile])[] = [
  ['its SHA-256', 'sha256'],
  ['the Python that it requires', 'requiresPython'],
  ['whether it is yanked', 'yanked'],
  ['the SHA-256 of its METADATA', 'metadata'],
]

interface Written {
  readonly page: WrittenPage
  readonly at: string
}

function checkAgreement(desk: CheckDesk, url: string, json: Written, html: Written): void {
  const others = new Map(html.page.files.map((file) => [file.name, file]))
  for (const file of json.page.files) {
    const other = others.get(file.name)
    others.delete(file.name)
    if (other === undefined) {
      desk.tell(url, `${file.name} is in the JSON form alone`)
      continue
    }
    for (const [what, member] of aspects) {
      if ((file[member] ?? '') !== (other[member] ?? ''))
        desk.tell(
          url,
          `the two forms of the page do not agree about ${file.name}: ${what}: ${JSON.stringify(file[member])} in JSON, ${JSON.stringify(other[member])} in HTML`,
        )
    }
    if (URL.parse(file.url, json.at)?.href !== URL.parse(other.url, html.at)?.href)
      desk.tell(url, `the two forms of the page lead to different places for ${file.name}`)
  }
  for (const name of others.keys()) desk.tell(url, `${name} is in the HTML form alone`)
}

const versionsShape = v.object({
  meta: v.object({ 'api-version': v.string() }),
  versions: v.optional(v.array(v.string())),
  files: v.array(v.looseObject({ filename: v.string(), size: v.optional(v.number()) })),
}) as unknown as Shape<{
  readonly meta: { readonly 'api-version': string }
  readonly versions?: readonly string[] | undefined
  readonly files: readonly { readonly filename: string; readonly size?: number | undefined }[]
}>

/** PEP 700: since version 1.1 a page lists its versions, and the size of each file. */
function checkVersions(desk: CheckDesk, { bytes, url }: SeenPage): void {
  const checked = v.safeParse(versionsShape, JSON.parse(new TextDecoder().decode(bytes)))
  if (!checked.success) return
  const { meta, versions, files } = checked.output
  if (meta['api-version'] === '1.0') return
  if (versions === undefined) return desk.tell(url, 'it lists no versions (PEP 700)')
  const listed = new Set(versions.map((version) => normaliseVersion(version)))
  for (const { filename, size } of files) {
    if (size === undefined) desk.tell(url, `it does not tell the size of ${filename} (PEP 700)`)
    const means = parseFileName(filename)
    if ((means.kind === 'wheel' || means.kind === 'sdist') && !listed.has(means.version))
      desk.tell(url, `${filename} is of version ${means.version}, which is not among its versions (PEP 700)`)
  }
}
