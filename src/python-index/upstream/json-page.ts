import * as v from 'valibot'
import { Fault, parseJson, type Shape } from '../../kit/index.ts'
import { isProjectName, normaliseName } from '../names/project-name.ts'
import { type DroppedFile, maxFiles, type WrittenFile, type WrittenPage } from './project.ts'

interface JsonPage {
  readonly meta: { readonly 'api-version': string }
  readonly name: string
  readonly files: readonly unknown[]
  readonly 'project-status'?: { readonly status?: string | undefined; readonly reason?: string | null | undefined } | undefined
}

const pageShape = v.object({
  meta: v.object({ 'api-version': v.pipe(v.string(), v.regex(/^\d+\.\d+$/)) }),
  name: v.string(),
  files: v.array(v.unknown()),
  'project-status': v.optional(v.object({ status: v.optional(v.string()), reason: v.nullish(v.string()) })),
}) as unknown as Shape<JsonPage>

/** Hashes by algorithm, or whether there is something at all. */
const hashes = v.record(v.string(), v.string())
const metadata = v.nullish(v.union([v.boolean(), hashes]))

const fileShape = v.object({
  filename: v.string(),
  url: v.string(),
  hashes,
  size: v.nullish(v.number()),
  'upload-time': v.nullish(v.string()),
  'requires-python': v.nullish(v.string()),
  yanked: v.nullish(v.union([v.boolean(), v.string()])),
  'core-metadata': metadata,
  'dist-info-metadata': metadata,
  provenance: v.nullish(v.string()),
})

/** A project's page in JSON (PEP 691, 700, 714, 740, 792). Throws `corrupt` for what is none, or of another project; `unsupported` for a later kind. */
export function parseJsonPage(bytes: Uint8Array, project: string, at: string): WrittenPage {
  const page = parseJson(pageShape, bytes, at)
  checkVersion(page.meta['api-version'], at)
  if (!isProjectName(page.name) || normaliseName(page.name) !== project) {
    throw new Fault('corrupt', `the page of ${project} says that it is of ${JSON.stringify(page.name.slice(0, 200))}`, { at })
  }
  if (page.files.length > maxFiles) throw tooMany(project, at)
  const files: WrittenFile[] = []
  const dropped: DroppedFile[] = []
  for (const [index, entry] of page.files.entries()) {
    const checked = v.safeParse(fileShape, entry)
    if (checked.success) files.push(fileOf(checked.output))
    else dropped.push({ name: `entry ${index + 1}`, reason: `not as an entry should be: ${v.getDotPath(checked.issues[0]) ?? 'whole'}` })
  }
  const said = page['project-status']
  return { files, dropped, status: said?.status, reason: said?.reason ?? undefined }
}

function fileOf(file: v.InferOutput<typeof fileShape>): WrittenFile {
  const { yanked } = file
  // PEP 714: the one name, or the other that was used before.
  const told = file['core-metadata'] ?? file['dist-info-metadata']
  return {
    name: file.filename,
    url: file.url,
    sha256: file.hashes['sha256'],
    size: file.size ?? undefined,
    uploaded: file['upload-time'] ?? undefined,
    requiresPython: file['requires-python'] ?? undefined,
    yanked: yanked === true ? '' : yanked === false ? undefined : (yanked ?? undefined),
    metadata: typeof told === 'object' && told !== null ? told['sha256'] : undefined,
    provenance: file.provenance ?? undefined,
  }
}

/** A later minor version adds, a later major one may mean anything (PEP 629). */
export function checkVersion(version: string, at: string): void {
  if (/^1\.\d{1,9}$/.test(version)) return
  throw new Fault('unsupported', `the page is of version ${JSON.stringify(version.slice(0, 20))} of the interface, and only 1 is known`, {
    at,
  })
}

export function tooMany(project: string, at: string): Fault {
  return new Fault('corrupt', `the page of ${project} lists more than its limit of ${maxFiles} files`, { at })
}
