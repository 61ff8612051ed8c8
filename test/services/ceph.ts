import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { access, mkdtemp } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3'
import { Fault, run, systemClock } from '../../src/kit/index.ts'
import { ensureDebianPackages, isRootOnDebian, say } from './install.ts'
import { freePort } from './ports.ts'

/** Where a running S3 server is, as one process tells another. */
export interface S3Coordinates {
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
}

export interface S3Server extends S3Coordinates {
  /** A new, empty bucket with a name of its own. */
  newBucket(options?: { versioned?: boolean }): Promise<string>
  stop(): Promise<void>
}

const script = path.join(import.meta.dirname, 'ceph-rgw.sh')

/**
 * Starts a Ceph RADOS Gateway on free ports of the loopback; ready in about two seconds. It ends with this process,
 * however this process ends. Throws `unsupported` with the line that would enable it where there is no Ceph.
 */
export async function startS3(): Promise<S3Server> {
  const prefix = await ensureCeph()
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnFreePorts(prefix)
    } catch (error) {
      // Between finding a free port and taking it, another process may have taken it.
      if (attempt === 3) throw error
    }
  }
}

/** The face of a server that another process started. */
export function connectS3(at: S3Coordinates, stop: () => Promise<void> = async () => undefined): S3Server {
  return {
    ...at,
    stop,
    async newBucket(options = {}) {
      const Bucket = `test-${randomBytes(8).toString('hex')}`
      const client = clientOf(at)
      try {
        await client.send(new CreateBucketCommand({ Bucket }))
        if (options.versioned === true) {
          await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }))
        }
      } finally {
        client.destroy()
      }
      return Bucket
    },
  }
}

/** The folder with Ceph, filled when it is missing and this may be done. */
async function ensureCeph(): Promise<string> {
  const cache =
    process.env.HOLDFAST_TEST_CACHE ?? path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'holdfast-tests')
  const prefix = path.join(cache, 'ceph-20')
  const isThere = await access(path.join(prefix, 'usr/bin/radosgw')).then(
    () => true,
    () => false,
  )
  if (isThere) return prefix
  if (!(await isRootOnDebian())) {
    throw new Fault('unsupported', 'there is no S3 server to test with', {
      hint: `on Debian: bash test/services/ceph-rgw.sh fetch ${JSON.stringify(prefix)}`,
    })
  }
  await ensureDebianPackages(['debian-archive-keyring'])
  say(`fetching Ceph (112 MiB, once) into ${prefix}`)
  const { status, tail } = await run(['bash', script, 'fetch', prefix])
  if (status !== 0) throw new Fault('unavailable', `Ceph could not be fetched:\n${tail.join('\n')}`)
  return prefix
}

async function startOnFreePorts(prefix: string): Promise<S3Server> {
  const [port, monitor] = await Promise.all([freePort(), freePort()])
  const directory = await mkdtemp(path.join(os.tmpdir(), 'holdfast-ceph-'))
  const keys = { accessKeyId: randomBytes(10).toString('hex').toUpperCase(), secretAccessKey: randomBytes(20).toString('hex') }
  const at = { endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', ...keys }
  const child = spawn('bash', [script, 'serve', prefix, directory, String(port), String(monitor)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
    env: { ...process.env, S3_ACCESS_KEY: keys.accessKeyId, S3_SECRET_KEY: keys.secretAccessKey },
  })
  const stop = async () => {
    child.ref()
    child.stdin.end()
    await ended(child)
  }
  try {
    const line = await Promise.race([firstLine(child), ended(child)])
    if (line !== 'ready') throw new Fault('unavailable', 'Ceph ended as it started: its words stand above')
    await warmUp(at)
  } catch (error) {
    await stop()
    throw error
  }
  // It must not keep a finished test process alive; its standard input ends when this process does.
  child.unref()
  for (const stream of [child.stdin, child.stdout]) if ('unref' in stream && typeof stream.unref === 'function') stream.unref()
  return connectS3(at, stop)
}

/** The first bucket makes Ceph's pools, which takes a moment: here, so that no test waits for it. */
async function warmUp(at: S3Coordinates): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await connectS3(at).newBucket()
      return
    } catch (error) {
      if (attempt === 100) throw error
      await systemClock.sleep(200)
    }
  }
}

function clientOf(at: S3Coordinates): S3Client {
  return new S3Client({ endpoint: at.endpoint, region: at.region, forcePathStyle: true, credentials: at, maxAttempts: 1 })
}

async function firstLine(child: ChildProcess): Promise<string | undefined> {
  for await (const line of createInterface({ input: child.stdout! })) return line
  return undefined
}

function ended(child: ChildProcess): Promise<undefined> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(undefined)
  return new Promise((resolve) => child.once('exit', () => resolve(undefined)))
}
