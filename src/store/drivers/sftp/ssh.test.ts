import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { scratchDirectory } from '../../../../test/fakes/scratch.ts'
import { sshdForTests, startSshd } from '../../../../test/services/index.ts'
import { asFault, type Fault, systemClock } from '../../../kit/index.ts'
import { createSftpStore, type SftpStoreOptions } from './index.ts'
import { sshFault } from './ssh.ts'

const scratch = scratchDirectory()
const place = { host: 'lab', user: 'ann', port: 2222 }

async function faultOfHead(options: Partial<SftpStoreOptions> & { host: string }): Promise<Fault> {
  const store = createSftpStore({ path: scratch, clock: systemClock, env: process.env, ...options })
  try {
    await store.head('x')
  } catch (error) {
    return asFault(error)
  } finally {
    await store.close()
  }
  return assert.fail('expected a fault')
}

test('what ssh says decides what can be done about it', () => {
  const meanings: readonly [string, Fault['code'], RegExp][] = [
    ['ssh: connect to host lab port 2222: Connection refused\r\n', 'unavailable', /Connection refused/],
    ['ssh: connect to host lab port 2222: Connection timed out\r\n', 'unavailable', /timed out/],
    ['kex_exchange_identification: Connection closed by remote host\r\n', 'unavailable', /closed by remote/],
    ['ssh: Could not resolve hostname lab: Temporary failure in name resolution\r\n', 'unavailable', /Temporary failure/],
    ['ssh: Could not resolve hostname lab: Name or service not known\r\n', 'invalid', /no host of that name/],
    ['ann@lab: Permission denied (publickey).\r\n', 'denied', /does not let this account in/],
    [
      'No ED25519 host key is known for [lab]:2222 and you have requested strict checking.\r\nHost key verification failed.\r\n',
      'denied',
      /not known here/,
    ],
    ['@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\nHost key verification failed.\r\n', 'denied', /not the one that is known/],
    ['subsystem request failed on channel 0\r\n', 'unsupported', /offers no SFTP/],
    ['/x/config: line 1: Bad configuration option: foo\r\n', 'invalid', /settings of ssh/],
    ['', 'unavailable', /was lost/],
  ]
  for (const [words, code, says] of meanings) {
    const fault = sshFault(words, place)
    assert.equal(fault.code, code, words)
    assert.match(fault.message, says)
    assert.equal(fault.at, 'sftp://ann@lab:2222')
  }
  for (const words of ['Host key verification failed.', 'ssh: connect to host lab port 2222: Connection refused']) {
    assert.match(String(sshFault(words, place).hint), /ssh -p 2222 ann@lab/)
  }
})

test('words of a server cannot reach the terminal as they are', () => {
  assert.doesNotMatch(sshFault('\u001b[2Jcleared\u0007\n', place).message, /\p{Cc}/u)
})

test('a host key that is not known is refused, and nobody is asked', async (t) => {
  const sshd = await sshdForTests(t)
  if (sshd === undefined) return
  const config = path.join(scratch, 'strangers')
  await writeFile(config, `Host *\n  UserKnownHostsFile ${scratch}/none\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n`)
  const fault = await faultOfHead({ ...sshd, sshConfig: config })
  assert.equal(fault.code, 'denied')
  assert.match(fault.message, /its host key is not known here/)
})

test('a server that takes none of the keys is denied', async (t) => {
  const sshd = await sshdForTests(t)
  if (sshd === undefined) return
  const fault = await faultOfHead({
    ...sshd,
    sshConfig: await sshd.configFor({ lines: ['IdentityFile /dev/null', 'PubkeyAuthentication no'] }),
  })
  assert.equal(fault.code, 'denied')
  assert.match(String(fault.hint), /ssh-add/)
})

test('a server without SFTP is unsupported, and one that is not there unavailable', async (t) => {
  if ((await sshdForTests(t)) === undefined) return
  const without = await startSshd({ lines: ['Subsystem other /bin/false'], sftp: false })
  t.after(() => without.stop())
  assert.equal((await faultOfHead(without)).code, 'unsupported')
  await without.stop()
  assert.equal((await faultOfHead(without)).code, 'invalid', 'its settings are gone with it')
  assert.equal((await faultOfHead({ host: '127.0.0.1', port: without.port })).code, 'unavailable')
})

test('a machine without ssh is told what to install', async () => {
  const fault = await faultOfHead({ host: 'lab', env: { PATH: scratch } })
  assert.equal(fault.code, 'unsupported')
  assert.match(String(fault.hint), /apt-get install openssh-client/)
})
