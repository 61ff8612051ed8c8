/**
 * Real servers for the tests, brought and ended here.
 *
 * Promises: one server of a kind for a test run; free ports on the loopback; nothing runs on after the process that
 * started it; a suite that cannot run is skipped by name, with the one line that would enable it, and is a failure
 * where HOLDFAST_TEST_REQUIRE names it (`s3`, `sshd`), or is `all`. Never does: install anything without saying so.
 */
import { isFault } from '../../src/kit/index.ts'
import { connectS3, type S3Coordinates, type S3Server, startS3 } from './ceph.ts'
import { ensureDebianPackages, say } from './install.ts'
import { type SshServer, startSshd } from './sshd.ts'

export { type S3Server, startS3 } from './ceph.ts'
export { startDelayProxy } from './delay-proxy.ts'
export { type SshServer, type SshServerOptions, startSshd } from './sshd.ts'

/** For the runner: starts what the suites need and leaves word of it in the environment of the processes to come. */
export async function provideServices(): Promise<{ stop(): Promise<void> }> {
  await provideTools()
  const found = await findS3()
  if ('reason' in found) say(`the s3 suites are skipped: ${found.reason}`)
  else process.env.HOLDFAST_TEST_S3 ??= JSON.stringify(coordinatesOf(found.server))
  return {
    async stop() {
      if ('server' in found) await found.server.stop()
    },
  }
}

/** What suites run beside their servers. One that lacks its own says so itself. */
const tools =
  'rsync squashfs-tools xfsprogs btrfs-progs openssh-server openssh-client openssl postgresql nginx docker-registry skopeo umoci ' +
  'python3-pytest python3-pip python3-pip-whl python3-setuptools-whl python3-wheel-whl python3-packaging'

async function provideTools(): Promise<void> {
  try {
    await ensureDebianPackages(tools.split(' '))
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    say(`some suites may be skipped: ${error.message}; ${error.hint}`)
  }
}

let known: Promise<{ server: S3Server } | { reason: string }> | undefined

/** The run's S3 server; started for this process where no runner did. Or the reason why there is none. */
export function findS3(): Promise<{ server: S3Server } | { reason: string }> {
  known ??= find()
  return known
}

async function find(): Promise<{ server: S3Server } | { reason: string }> {
  const told = process.env.HOLDFAST_TEST_S3
  if (told !== undefined) return { server: connectS3(JSON.parse(told) as S3Coordinates) }
  try {
    return { server: await startS3() }
  } catch (error) {
    if (!isFault(error, 'unsupported') || isRequired('s3')) throw error
    return { reason: `${error.message}; ${error.hint}` }
  }
}

/** The run's S3 server for one test; undefined after that test has been skipped with the reason. */
export async function s3ForTests(t: { skip(reason: string): void }): Promise<S3Server | undefined> {
  const found = await findS3()
  if ('server' in found) return found.server
  t.skip(found.reason)
  return undefined
}

let knownSshd: Promise<{ server: SshServer } | { reason: string }> | undefined

/** The process's SSH server, or the reason why there is none. */
export function findSshd(): Promise<{ server: SshServer } | { reason: string }> {
  const start = async () => {
    try {
      return { server: await startSshd() }
    } catch (error) {
      if (!isFault(error, 'unsupported') || isRequired('sshd')) throw error
      return { reason: `${error.message}; ${error.hint}` }
    }
  }
  return (knownSshd ??= start())
}

/** The process's SSH server for one test; undefined after that test has been skipped with the reason. */
export async function sshdForTests(t: { skip(reason: string): void }): Promise<SshServer | undefined> {
  const found = await findSshd()
  if ('server' in found) return found.server
  t.skip(found.reason)
  return undefined
}

function isRequired(suite: string): boolean {
  const required = (process.env.HOLDFAST_TEST_REQUIRE ?? '').split(',')
  return required.includes(suite) || required.includes('all')
}

function coordinatesOf({ endpoint, accessKeyId, secretAccessKey, region }: S3Server): S3Coordinates {
  return { endpoint, accessKeyId, secretAccessKey, region }
}
