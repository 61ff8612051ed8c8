/**
 * A Python index beside a plain publisher on boto3 that works the usual way (`data/plain_publisher.py`), on a real S3 server:
 * `npm run bench:index`. Every command is a whole process.
 *
 *   --only publish,read,mirror,memory   parts of it
 *   --wheels 2000,20000                 for publish: how many, over 22 prefixes
 *   --peer-once                         for publish: the peer's first run alone; it does the same each time
 *   --files 200000                      for memory
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { formatBytes } from '../src/kit/index.ts'
import { startS3, type S3Server } from '../test/services/index.ts'
import { ensureDebianPackages } from '../test/services/install.ts'
import { installedCommand } from './data/installed.ts'
import { type Cost, measureWithin } from './data/measure.ts'
import { startPlainUpstream } from './data/plain-upstream.ts'
import { createFilling, fillFolder, packageName, prefixes, uploadsOf, wheelAt } from './data/wheels.ts'

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', default: 'publish,read,mirror,memory' },
    wheels: { type: 'string', default: '2000,20000' },
    'peer-once': { type: 'boolean', default: false },
    files: { type: 'string', default: '200000' },
  },
})
const wanted = flags.only.split(',')
/** Requests that `index publish` has under way at once. */
const width = 24
const patience = 1200
const plainPublisher = `/usr/bin/python3 ${path.join(import.meta.dirname, 'data/plain_publisher.py')}`
const holdfast = installedCommand()

const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-bench-index-'))
process.env['CEPH_GIB'] = '16'
try {
  await ensureDebianPackages(['python3-boto3', 'curl'])
  console.log(`${os.cpus().length} processors, load ${os.loadavg()[0]!.toFixed(1)}\n`)
  if (wanted.includes('publish')) for (const count of flags.wheels.split(',').map(Number)) await withServer((at) => benchPublish(at, count))
  if (wanted.includes('read')) await withServer(benchRead)
  if (wanted.includes('mirror')) await benchMirror()
  if (wanted.includes('memory')) await benchMemory(Number(flags.files))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function withServer(bench: (server: S3Server) => Promise<void>): Promise<void> {
  const server = await startS3()
  try {
    await bench(server)
  } finally {
    await server.stop()
  }
}

type Requests = Readonly<Record<string, number>>

interface Run extends Cost {
  readonly requests: Requests
}

/** Runs whole commands against one server. */
function runner(server: S3Server | undefined) {
  const said = path.join(folder, 'said.json')
  const env = {
    HOME: folder,
    XDG_CACHE_HOME: path.join(folder, 'cache'),
    XDG_STATE_HOME: path.join(folder, 'state'),
    ...(server === undefined
      ? {}
      : {
          ENDPOINT: server.endpoint,
          AWS_ENDPOINT_URL: server.endpoint,
          AWS_ACCESS_KEY_ID: server.accessKeyId,
          AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
          AWS_DEFAULT_REGION: server.region,
        }),
  }
  const run = async (line: string): Promise<Cost> => {
    const cost = await measureWithin(line, patience, env)
    if (cost === undefined) throw new Error(`${line} took more than ${patience} s`)
    return cost
  }
  return {
    plain: async (words: string): Promise<Run> => {
      const cost = await run(`${plainPublisher} ${words} > ${said}`)
      return { ...cost, requests: JSON.parse(readFileSync(said, 'utf8')) as Requests }
    },
    /** In a folder of its own with this configuration. */
    holdfast: async (words: string, config: string): Promise<Run> => {
      writeFileSync(path.join(folder, 'holdfast.toml'), config)
      const cost = await run(`cd ${folder} && ${holdfast} ${words} --quiet --stats --json > ${said} || { cat ${said}; false; }`)
      const { stats } = JSON.parse(readFileSync(said, 'utf8')) as { stats: { requests: Requests; operations: Requests } }
      return { ...cost, requests: sumOf(stats.requests) > 0 ? stats.requests : stats.operations }
    },
    other: async (line: string): Promise<Run> => ({ ...(await run(line)), requests: {} }),
  }
}

/** The URL of a store that was used before: making one, and finding out what its server promises, belongs to no command here. */
async function newStore(server: S3Server): Promise<string> {
  const url = `s3://${await server.newBucket()}`
  const other = await createFilling(server)
  const { file, bytes } = wheelAt(0)
  await other.put([{ key: `${prefixes[0]}/${file}`, bytes }])
  await runner(server).holdfast(`index publish ${prefixes[0]}`, configOf(`s3://${other.bucket}`, url))
  return url
}

function configOf(bucket: string, store: string, more = ''): string {
  return `[store]\nurl = "${store}"\n[index]\nbucket = "${bucket}"\nprefixes = ${JSON.stringify(prefixes)}\n${more}`
}

async function benchPublish(server: S3Server, count: number): Promise<void> {
  const run = runner(server)
  const filling = await createFilling(server)
  await filling.put(uploadsOf(count))
  const fresh = () => {
    const { file, bytes, digest, metadata, metadataDigest } = wheelAt(1_000_000)
    const key = `${prefixes[7]}/${file}`
    return [
      { key, bytes, digest },
      { key: `${key}.metadata`, bytes: metadata, digest: metadataDigest },
    ]
  }
  const rows: [string, Run, number][] = []
  const publishAll = async (name: string, isOnce: boolean, publish: () => Promise<Run>) => {
    const row = async (what: string) => void rows.push([`${name}: ${what}`, await publish(), await filling.listingCost()])
    await row('cold')
    if (!isOnce) {
      await row('nothing changed')
      await filling.put(fresh())
      await row('1 new wheel')
    }
    const keys = new Set(fresh().map(({ key }) => key))
    await filling.clear((key) => keys.has(key) || key.endsWith('/index.html') || key.endsWith('/index.json'))
  }
  console.log(`## publish ${count} wheels over ${prefixes.length} prefixes, load ${os.loadavg()[0]!.toFixed(1)}\n`)
  await publishAll('boto3', flags['peer-once'], () => run.plain(`publish ${filling.bucket} ${prefixes.join(' ')}`))
  const store = await newStore(server)
  await publishAll('holdfast', false, () => run.holdfast('index publish all', configOf(`s3://${filling.bucket}`, store)))
  console.log('| | wall s | CPU s | peak MB | requests | beyond the listing | of them |\n|---|---|---|---|---|---|---|')
  for (const [name, cost, listing] of rows)
    console.log(`| ${name} | ${costText(cost)} | ${sumOf(cost.requests)} | ${sumOf(cost.requests) - listing} | ${requestsText(cost)} |`)
  console.log()
}

/** Wheels whose digests nobody knows, beside a plain download of the same bytes with as many requests at once. */
async function benchRead(server: S3Server): Promise<void> {
  const run = runner(server)
  console.log(`## digests computed, beside a plain download ${width} at once, load ${os.loadavg()[0]!.toFixed(1)}\n`)
  console.log('| | wall s | CPU s | peak MB | of our speed | requests |\n|---|---|---|---|---|---|')
  for (const [count, size] of [
    [2000, 4 << 10],
    [24, 50 << 20],
  ] as const) {
    const filling = await createFilling(server)
    const prefix = prefixes[0]!
    const files: string[] = []
    for (let at = 0; at < count; at++) {
      const { file, bytes, metadata } = wheelAt(at, size)
      await filling.put([
        { key: `${prefix}/${file}`, bytes },
        ...(at % 10 === 0 ? [] : [{ key: `${prefix}/${file}.metadata`, bytes: metadata }]),
      ])
      files.push(`${prefix}/${file}`)
    }
    const list = path.join(folder, 'files.txt')
    writeFileSync(list, files.join('\n'))
    const plain = async () => [
      ['boto3 in threads', await run.plain(`download ${filling.bucket} ${prefix} ${width}`)] as const,
      [
        'the SDK of JavaScript',
        await run.other(
          `${process.execPath} ${path.join(import.meta.dirname, 'data/plain-download.ts')} ${filling.bucket} ${list} ${width}`,
        ),
      ] as const,
    ]
    const peers = await plain()
    const store = await newStore(server)
    const ours = await run.holdfast(`index publish ${prefix}`, configOf(`s3://${filling.bucket}`, store))
    const set = `${count} wheels of ${formatBytes(size)}`
    for (const [name, cost] of peers)
      console.log(`| ${set}: ${name} | ${costText(cost)} | ${((100 * cost.wall) / ours.wall).toFixed(0)} % | ${requestsText(cost)} |`)
    console.log(`| ${set}: holdfast index publish | ${costText(ours)} | | ${requestsText(ours)} |`)
  }
  console.log()
}

/** Sixty packages to all prefixes, most of them small and some large, as dependencies are. */
async function benchMirror(): Promise<void> {
  const sizes = [64 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20]
  const wheels = new Map(Array.from({ length: 60 }, (_, at) => [packageName(at), wheelAt(at, sizes[at % sizes.length])]))
  const bytes = wheels.values().reduce((sum, wheel) => sum + wheel.bytes.byteLength, 0)
  const upstream = await startPlainUpstream(wheels)
  const list = path.join(folder, 'wanted.txt')
  writeFileSync(list, Array.from(wheels, ([name, { file }]) => `${name} ${file}`).join('\n'))
  const rows: string[] = []
  const row = (name: string, cost: Run) =>
    void rows.push(`| ${name} | ${costText(cost)} | ${upstream.downloads()} | ${requestsText(cost)} |`)
  try {
    await withServer(async (server) => {
      const { bucket } = await createFilling(server)
      row('boto3', await runner(server).plain(`mirror ${bucket} ${upstream.url} ${list} ${prefixes.join(' ')}`))
    })
    await withServer(async (server) => {
      const { bucket } = await createFilling(server)
      const tables = Array.from(wheels.keys(), (name) => `[index.dependencies.${name}]\nprojects = ["torch"]\nversions = ["latest"]\n`)
      const config = configOf(`s3://${bucket}`, await newStore(server), `upstream = "${upstream.url}"\n${tables.join('')}`)
      row('holdfast index mirror', await runner(server).holdfast('index mirror --package all', config))
      row('the same again', await runner(server).holdfast('index mirror --package all', config))
    })
  } finally {
    await upstream.close()
  }
  console.log(
    `## mirror ${wheels.size} wheels, ${formatBytes(bytes)}, to ${prefixes.length} prefixes, load ${os.loadavg()[0]!.toFixed(1)}\n`,
  )
  console.log('| | wall s | CPU s | peak MB | downloads | requests |\n|---|---|---|---|---|---|')
  console.log(`${rows.join('\n')}\n`)
}

/** In a folder in memory: what is measured is the process. */
async function benchMemory(count: number): Promise<void> {
  const run = runner(undefined)
  const bucket = mkdtempSync('/dev/shm/holdfast-bench-index-')
  try {
    fillFolder(bucket, uploadsOf(count))
    const config = configOf(`file://${bucket}`, `file://${path.join(folder, 'store')}`)
    console.log(`## memory with ${count} wheels over ${prefixes.length} prefixes, load ${os.loadavg()[0]!.toFixed(1)}\n`)
    console.log('| | wall s | CPU s | peak MB | operations |\n|---|---|---|---|---|')
    for (const name of ['cold', 'nothing changed']) {
      const cost = await run.holdfast('index publish all', config)
      console.log(`| ${name} | ${costText(cost)} | ${requestsText(cost)} |`)
    }
    console.log()
  } finally {
    rmSync(bucket, { recursive: true, force: true })
  }
}

function sumOf(requests: Requests): number {
  return Object.values(requests).reduce((sum, count) => sum + count, 0)
}

function costText({ wall, cpu, rss }: Cost): string {
  return `${wall.toFixed(wall < 10 ? 2 : 1)} | ${cpu.toFixed(1)} | ${rss.toFixed(0)}`
}

function requestsText({ requests }: Run): string {
  return Object.entries(requests)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')
}
