/** A process to be killed while it brings images. Arguments: one JSON of `ImageJob`. Where it lives to the end it says how often it could have died. */
import { createHttp } from '../../src/kit/http/index.ts'
import { realDisk, silent, systemClock } from '../../src/kit/index.ts'
import {
  clean,
  downloadFolder,
  downloadTag,
  type ImagesContext,
  type ImagesSettings,
  openImages,
  planClean,
  planPush,
  prepareTag,
  pushPlanned,
  syncTag,
} from '../../src/images/index.ts'
import { createDeadline, dyingDisk } from './dying.ts'
import { dyingHttp } from './dying-http.ts'

export interface ImageJob {
  readonly step: 'sync' | 'download' | 'prepare' | 'push' | 'clean'
  readonly tag: string
  readonly settings: ImagesSettings
  readonly githubToken: string
  readonly cacheRoot: string
  /** Counted from 1; 0 never comes. */
  readonly killAt: number
}

const job = JSON.parse(process.argv[2] ?? '') as ImageJob
const deadline = createDeadline(job.killAt)
Object.assign(realDisk, dyingDisk(deadline, { ...realDisk }))
const plain = createHttp({ clock: systemClock, random: () => 0, userAgent: 'holdfast/test' })
const context = openImages({
  settings: job.settings,
  access: { githubToken: job.githubToken },
  http: async () => dyingHttp(plain, deadline),
  env: {},
  home: job.cacheRoot,
  cacheRoot: job.cacheRoot,
  clock: systemClock,
  random: () => 0,
  report: silent,
})
await carryOut(context)
process.stdout.write(JSON.stringify({ points: deadline.count }))
plain.close()

async function carryOut({ settings }: ImagesContext): Promise<void> {
  const { step, tag } = job
  const { downloadsDir } = settings
  const isLatest = () => true
  if (step === 'download') await downloadTag(context, { tag, downloadsDir })
  if (step === 'prepare') await prepareTag(context, { tag, downloadsDir })
  if (step === 'sync') throwFaults((await syncTag(context, { tag, onOther: 'refuse', isLatest })).images)
  if (step === 'push') throwFaults(await pushPlanned(context, await planPush(context, { tag, downloadsDir, isLatest })))
  if (step === 'clean') {
    const plan = await planClean(downloadFolder(settings, { downloadsDir }, tag), silent)
    if (plan !== undefined) await clean(plan)
  }
}

function throwFaults(images: readonly { readonly fault?: Error | undefined }[]): void {
  for (const { fault } of images) if (fault !== undefined) throw fault
}
