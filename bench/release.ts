/**
 * One rotation of an 800 MB library on a real S3 server: ours beside the way of the originals, which downloads every
 * artifact and uploads it again under its next key. `npm run bench:release [MiB] [rounds]`.
 *
 * Both upload the new library; that part is timed by itself and taken off, so that what is compared is the rotation.
 */
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, rm, stat } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { randomFillSync } from 'node:crypto'
import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, NotFound, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { ensureStoreFormat } from '../src/chunks/index.ts'
import { formatBytes, type Progress, silent, systemClock } from '../src/kit/index.ts'
import { createRelease, listReleases, type Product, type ReleaseContext, rollback } from '../src/releases/index.ts'
import { createMeter, openStore } from '../src/store/index.ts'
import { startS3 } from '../test/services/index.ts'

const mebibytes = Number(process.argv[2] ?? 800)
const rounds = Number(process.argv[3] ?? 2)
const file = 'librcclx-dev.a'

interface Figures {
  readonly seconds: number
  /** Without the upload of what is new. */
  readonly rotation: number
  readonly sent: number
  readonly received: number
  readonly requests: number
}

process.env['CEPH_GIB'] = '16'
const server = await startS3()
const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-bench-'))
try {
  await main()
} finally {
  await rm(folder, { recursive: true })
  await server.stop()
}

async function main(): Promise<void> {
  const libraries = await Promise.all(Array.from({ length: rounds + 2 }, (_, at) => makeLibrary(at)))
  const seedWay = await prepareSeedWay()
  const ourWay = await prepareOurs()
  for (const library of libraries.slice(0, 2)) {
    await seedWay(library)
    await ourWay.create(library)
  }
  const theirs: Figures[] = []
  const ours: Figures[] = []
  for (const library of libraries.slice(2)) {
    theirs.push(await seedWay(library))
    ours.push(await ourWay.create(library))
  }
  const back = await ourWay.rollback()
  const list = await ourWay.list()
  print(theirs, ours, back, list)
}

async function makeLibrary(at: number): Promise<string> {
  const target = path.join(folder, String(at), file)
  await mkdir(path.dirname(target))
  const handle = await open(target, 'w')
  const piece = Buffer.alloc(1 << 20)
  for (let written = 0; written < mebibytes; written++) await handle.write(randomFillSync(piece))
  await handle.close()
  return target
}

/** Download, upload again, delete; then upload the new one: as the originals rotate, with streams and one request each. */
async function prepareSeedWay(): Promise<(library: string) => Promise<Figures>> {
  const bucket = await server.newBucket()
  const client = new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    forcePathStyle: true,
    credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  let moved = { sent: 0, received: 0, requests: 0 }
  const exists = async (key: string) => {
    moved.requests++
    try {
      await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
      return true
    } catch (error) {
      if (error instanceof NotFound) return false
      throw error
    }
  }
  const upload = async (key: string, body: Readable, size: number) => {
    moved.requests++
    moved.sent += size
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentLength: size }))
  }
  const moveBy = async (from: string, to: string) => {
    if (!(await exists(from))) return
    const { Body, ContentLength = 0 } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: from }))
    moved.received += ContentLength
    await upload(to, Body as Readable, ContentLength)
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: from }))
    moved.requests += 2
  }
  let archives = 0
  return async (library) => {
    moved = { sent: 0, received: 0, requests: 0 }
    const start = performance.now()
    await moveBy(`tree/last_stable/6.4/${file}`, `tree/archives/6.4/${++archives}_${file}`)
    await moveBy(`tree/stable/6.4/${file}`, `tree/last_stable/6.4/${file}`)
    const rotated = performance.now()
    await upload(`tree/stable/6.4/${file}`, createReadStream(library, { highWaterMark: 1 << 20 }), (await stat(library)).size)
    return { ...moved, seconds: (performance.now() - start) / 1000, rotation: (rotated - start) / 1000 }
  }
}

async function prepareOurs() {
  const bucket = await server.newBucket()
  const meter = createMeter()
  const options = {
    cwd: folder,
    clock: systemClock,
    random: Math.random,
    report: silent,
    meter,
    s3: {
      endpoint: server.endpoint,
      region: server.region,
      accessKeyId: server.accessKeyId,
      secretAccessKey: server.secretAccessKey,
      env: {},
    },
  }
  const store = await openStore(`s3://${bucket}/store`, options)
  const published = await openStore(`s3://${bucket}/tree`, options)
  let phase = new Map<string, number>()
  const report = (event: Progress) => {
    if (event.kind === 'begin') phase.set(event.task, -performance.now() + (phase.get(event.task) ?? 0))
    else if (event.kind === 'end') phase.set(event.task, performance.now() + (phase.get(event.task) ?? 0))
  }
  const context: ReleaseContext = {
    store,
    prepareStore: async () => ensureStoreFormat(store, { now: Date.now(), random: Math.random }),
    openView: async () => published,
    clock: systemClock,
    random: Math.random,
    by: 'bench',
    env: {},
    report,
  }
  const product: Product = {
    name: 'rcclx',
    artifacts: [],
    variantFlag: 'rocm-version',
    variantLabel: 'ROCm version',
    variants: { '6.4': {} },
    sources: {},
    publish: { url: 'bench' },
    onConflict: 'retry',
    root: folder,
  }
  const measured = async (work: () => Promise<unknown>): Promise<Figures> => {
    phase = new Map()
    const before = meter.snapshot()
    const start = performance.now()
    await work()
    const seconds = (performance.now() - start) / 1000
    const now = meter.snapshot()
    const elsewhere = [...phase].reduce((sum, [task, ms]) => (/^(hash|send)/.test(task) ? sum + ms / 1000 : sum), 0)
    const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((total, count) => total + count, 0)
    return {
      seconds,
      rotation: seconds - elsewhere,
      sent: now.bytes.written - before.bytes.written,
      received: now.bytes.read - before.bytes.read,
      requests: sum(now.requests) - sum(before.requests),
    }
  }
  return {
    create: (library: string) => measured(() => createRelease(context, product, '6.4', { artifacts: [library] })),
    rollback: () => measured(() => rollback(context, product, '6.4')),
    list: () => measured(() => listReleases(context, product, '6.4')),
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

function middle(figures: readonly Figures[]): Figures {
  const of = (pick: (each: Figures) => number) => median(figures.map(pick))
  return {
    seconds: of((f) => f.seconds),
    rotation: of((f) => f.rotation),
    sent: of((f) => f.sent),
    received: of((f) => f.received),
    requests: of((f) => f.requests),
  }
}

function print(theirs: readonly Figures[], ours: readonly Figures[], back: Figures, list: Figures): void {
  const size = mebibytes * 2 ** 20
  console.log(
    `${mebibytes} MiB library, ${rounds} rounds in turn, medians; Node ${process.version}, ${cpus().length} cores, Ceph RADOS Gateway on the same machine\n`,
  )
  console.log('| what | whole | rotation alone | sent beside the new library | received | requests |')
  console.log('|---|---|---|---|---|---|')
  const row = (what: string, each: Figures, fresh: number) =>
    console.log(
      `| ${what} | ${each.seconds.toFixed(2)} s | ${each.rotation.toFixed(3)} s | ${formatBytes(each.sent - fresh)} | ${formatBytes(each.received)} | ${each.requests} |`,
    )
  const seed = middle(theirs)
  const own = middle(ours)
  row('download, upload again, delete', seed, size)
  row('holdfast release create', own, size)
  row('holdfast release rollback', back, 0)
  row('holdfast release list', list, 0)
  const ratios = theirs.map((each, at) => ours[at]!.rotation / each.rotation)
  console.log(
    `\nrotation, ours / theirs, pair by pair: ${ratios.map((ratio) => `${(100 * ratio).toFixed(1)} %`).join(', ')} (target: at most 10 %)`,
  )
}
