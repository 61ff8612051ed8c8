/**
 * Stands in for `ssh` with the SFTP subsystem of a server: OpenSSH's own SFTP server, which does wrong at random while the file that
 * STAND_IN_WEATHER names has a rate in it. It ends with its standard input.
 */
import { readFileSync } from 'node:fs'
import { seededRandom } from '../../fakes/seeded-random.ts'
import { connectPeer, type SftpMisdeed } from '../sftp-peer.ts'

const random = seededRandom(process.pid)
const failure = 4
/** Answers to these have bytes of files in them. */
const misdeeds: readonly SftpMisdeed[] = ['cut', 'lose-answer', 'stall', { status: failure }, { answer: flipped }]

const channel = connectPeer((name) => {
  if (random() >= rate()) return undefined
  const misdeed = misdeeds[Math.floor(random() * misdeeds.length)]!
  if (misdeed === 'stall' && random() >= 0.1) return undefined
  return typeof misdeed === 'object' && 'answer' in misdeed && name !== 'READ' ? undefined : misdeed
})
channel.fromServer.pipe(process.stdout)
process.stdin.pipe(channel.toServer)
process.stdin.on('end', () => channel.close())
process.stdout.on('error', () => channel.close())
void channel.ended.then(() => process.exit(255))

function rate(): number {
  try {
    return Number(readFileSync(process.env['STAND_IN_WEATHER'] ?? '', 'utf8'))
  } catch {
    return 0
  }
}

/** The last byte of what was read is another. */
function flipped(honest: Buffer): Buffer[] {
  const packet = Buffer.from(honest)
  // A DATA packet: kind, number, length, bytes.
  if (packet[0] === 103 && packet.byteLength > 9) packet[packet.byteLength - 1]! ^= 0x10
  return [packet]
}
