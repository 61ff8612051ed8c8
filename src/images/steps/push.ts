import path from 'node:path'
import { bytesOfFile, type Digest, Fault, isFault, mapBounded, verified } from '../../kit/index.ts'
import { type BringOptions, type Bringing, type BroughtImage, startBringing } from '../bring.ts'
import type { ImagesContext } from '../context.ts'
import { provenanceOf } from '../sync.ts'
import { type DownloadRecord, readDownloadRecord } from './download-record.ts'
import { type DownloadFolder, downloadFolder, type DownloadsPlace, sizeOfFile } from './folder.ts'
import { type PlannedImage, readUploadPlan } from './upload-plan.ts'

export interface PushTag extends DownloadsPlace, Pick<BringOptions, 'isLatest' | 'scratchFolder'> {
  readonly tag: string
  /** Also tags that are there. */
  readonly force?: boolean | undefined
}

/** What a push would do: nothing was written. */
export interface PushPlan {
  readonly folder: DownloadFolder
  readonly images: readonly PlannedPush[]
}

export interface PlannedPush extends PlannedImage {
  /** `host/project/x86/app:tag` */
  readonly name: string
  readonly file: string
  /** What the tag names now. */
  readonly before: Digest | undefined
  /** The tag is there, and stays as it is. */
  readonly isSkipped: boolean
}

interface PreparedPush extends PushPlan {
  readonly record: DownloadRecord
  readonly bringing: Bringing
}

const headsAtOnce = 4
/** Images that go up side by side. */
const width = 2

/**
 * Looks at what was prepared and at what the registry has. Throws `not-found` where nothing was prepared, and `corrupt` where a file is not
 * there as it was.
 */
export async function planPush(context: ImagesContext, options: PushTag): Promise<PreparedPush> {
  const { settings, signal } = context
  const { tag, force = false } = options
  const folder = downloadFolder(settings, options, tag)
  const [record, plan] = [await readDownloadRecord(folder), await readUploadPlan(folder)]
  const hint = folder.command('prepare')
  if (record === undefined || plan === undefined) throw new Fault('not-found', `nothing of ${tag} was prepared`, { at: folder.path, hint })
  if (plan.archive !== record.archive.digest) {
    throw new Fault('precondition', 'another archive was downloaded since it was prepared', { at: folder.plan, hint })
  }
  const bringing = await startBringing(context, { ...options, onOther: force ? 'replace' : 'skip' })
  const registry = await context.registry()
  const images = await mapBounded(
    plan.images,
    headsAtOnce,
    async (image, stopping): Promise<PlannedPush> => {
      const { repository, tag: imageTag, name, size } = image
      const file = path.join(folder.extracted, name)
      const head = await registry.headManifest(`${settings.registryProject}/${repository}`, imageTag, { signal: stopping })
      const isSkipped = head !== undefined && !force
      if (!isSkipped && (await sizeOfFile(file)) !== size) throw changed(folder, file)
      return { ...image, name: bringing.nameOf(image), file, before: head?.digest, isSkipped }
    },
    signal,
  )
  return { folder, images, record, bringing }
}

/** Carries it out. An image that fails stops no other and is told. */
export async function pushPlanned(context: ImagesContext, plan: PreparedPush): Promise<readonly BroughtImage<PlannedPush>[]> {
  const { folder, record, bringing, images } = plan
  return await mapBounded(
    images,
    width,
    async (image, signal) => {
      if (image.isSkipped && image.before !== undefined) return await bringing.point(image, image.before, signal)
      const { size, digest, file } = image
      const entry = path.basename(file)
      const provenance = provenanceOf(record, { ...record, entry })
      const tarball = verified(bytesOfFile(file, size), digest, file)
      const brought = await bringing.bring(image, { tarball, at: file, provenance }, signal)
      return isFault(brought.fault, 'corrupt') && brought.fault.at === file
        ? { ...brought, fault: changed(folder, file, brought.fault) }
        : brought
    },
    context.signal,
  )
}

function changed(folder: DownloadFolder, file: string, cause?: Fault): Fault {
  return new Fault('corrupt', cause?.message ?? 'the file is not there as it was prepared', {
    at: file,
    hint: folder.command('prepare', '--clean'),
    cause,
  })
}
