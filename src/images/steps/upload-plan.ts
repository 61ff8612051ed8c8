import path from 'node:path'
import * as v from 'valibot'
import { type Digest, Fault, isDigest, isKey, parseJson, readSmallFile, replaceFile } from '../../kit/index.ts'
import { isRepository, isTag } from '../../oci/index.ts'
import type { RunMetadata } from '../settings.ts'
import type { WantedImage } from '../tags.ts'
import { ofAnother, sortedJson } from './download-record.ts'
import type { DownloadFolder } from './folder.ts'

/** Which file goes to which tag: `upload-plan.json`. */
export interface UploadPlan {
  /** Of the archive that the files are from. */
  readonly archive: Digest
  readonly images: readonly PlannedImage[]
}

export interface PlannedImage extends Pick<WantedImage, 'family' | 'platform' | 'repository' | 'tag'> {
  /** Below `extracted`. */
  readonly name: string
  readonly size: number
  readonly digest: Digest
}

const format = 'holdfast-image-upload-plan/1'

const digest = v.custom<Digest>(isDigest, 'not a digest of SHA-256')
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const fileName = v.pipe(
  v.string(),
  v.check((name) => isKey(name) && !name.includes('/'), 'not a name of a file'),
)
const shape = v.object({
  format: v.literal(format),
  image_tag: v.string(),
  zip_digest: digest,
  artifacts: v.pipe(
    v.array(
      v.object({
        name: fileName,
        size,
        digest,
        platform: v.string(),
        repo: v.string(),
        gitlab_tag: v.string(),
      }),
    ),
    v.minLength(1),
    v.maxLength(1000),
  ),
})

/** Beside what is read back, it has the metadata block in snake case, and each file's absolute path: for people and their scripts. */
export async function writeUploadPlan(folder: DownloadFolder, plan: UploadPlan, metadata: RunMetadata): Promise<void> {
  const fields = Object.entries(metadata.fields).map(([key, value]) => [key.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_'), value])
  const artifacts = plan.images.map(({ name, size: bytes, digest: content, family, platform, repository, tag }) => ({
    arch: repository.split('/')[0],
    digest: content,
    file: path.join(folder.extracted, name),
    gitlab_tag: `${repository}:${tag}`,
    name,
    platform,
    repo: family,
    size: bytes,
  }))
  const own = { format, image_tag: folder.tag, platform: plan.images[0]?.platform, zip_digest: plan.archive, artifacts }
  await replaceFile(folder.plan, sortedJson({ ...Object.fromEntries(fields), ...own }))
}

/** Undefined where nothing was prepared whole. Throws `corrupt` for what is no such plan, or of another tag. */
export async function readUploadPlan(folder: DownloadFolder): Promise<UploadPlan | undefined> {
  const text = await readSmallFile(folder.plan, 1 << 20)
  if (text === undefined) return undefined
  const { image_tag: tag, zip_digest: archive, artifacts } = parseJson(shape, text, folder.plan)
  if (tag !== folder.tag) throw ofAnother(folder.plan, tag, folder.tag)
  return {
    archive,
    images: artifacts.map(({ name, size: bytes, digest: content, platform, repo, gitlab_tag: place }) => {
      const colon = place.lastIndexOf(':')
      const [repository, imageTag] = [place.slice(0, Math.max(0, colon)), place.slice(colon + 1)]
      if (!isRepository(repository) || !isTag(imageTag)) {
        throw new Fault('corrupt', `not a place of an image: ${JSON.stringify(place.slice(0, 200))}`, { at: folder.plan })
      }
      return { name, size: bytes, digest: content, family: repo, platform, repository, tag: imageTag }
    }),
  }
}

/** What is being extracted, of which archive: so a clean-up knows what is ours whenever this ends, and the next call what it need not do again. */
export interface Extracting {
  readonly archive: Digest
  /** All that may be in the folder. */
  readonly files: readonly string[]
  /** Those that are whole. */
  readonly finished: readonly Pick<PlannedImage, 'name' | 'size' | 'digest'>[]
}

const extractingShape = v.object({
  zip_digest: digest,
  files: v.pipe(v.array(fileName), v.maxLength(1000)),
  finished: v.pipe(v.array(v.object({ name: fileName, size, digest })), v.maxLength(1000)),
})

export async function writeExtracting(folder: DownloadFolder, { archive, files, finished }: Extracting): Promise<void> {
  await replaceFile(folder.extracting, sortedJson({ zip_digest: archive, files, finished }))
}

export async function readExtracting(folder: DownloadFolder): Promise<Extracting | undefined> {
  const text = await readSmallFile(folder.extracting, 1 << 20)
  if (text === undefined) return undefined
  const { zip_digest: archive, files, finished } = parseJson(extractingShape, text, folder.extracting)
  return { archive, files, finished }
}
