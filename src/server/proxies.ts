import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { Fault } from '../kit/index.ts'

/** The longest list of addresses that is read: proxies in a row are few. */
const longestForwarded = 1000

/**
 * Who asks. Behind trusted proxies it is the last address of `X-Forwarded-For` that is none of them: whatever stands before it was written
 * by the client, and says what it likes.
 */
export function clientAddress(trusted: readonly string[]): (incoming: IncomingMessage) => string {
  const proxies = networksOf(trusted)
  return (incoming) => {
    const socket = plainAddress(incoming.socket.remoteAddress ?? '')
    if (trusted.length === 0 || !isWithin(proxies, socket)) return socket
    const given = incoming.headers['x-forwarded-for']
    const listed = (typeof given === 'string' ? given : (given ?? []).join(',')).slice(-longestForwarded).split(',').reverse()
    let client = socket
    for (const each of listed) {
      const address = plainAddress(each.trim())
      if (isIP(address) === 0) break
      client = address
      if (!isWithin(proxies, address)) break
    }
    return client
  }
}

/** The address at the other end of a connection; undefined for a trusted proxy, which speaks for many. */
export function peerAddress(trusted: readonly string[]): (remote: string) => string | undefined {
  const proxies = networksOf(trusted)
  return (remote) => {
    const address = plainAddress(remote)
    return isWithin(proxies, address) ? undefined : address
  }
}

/** Addresses such as `10.0.0.7` and networks such as `10.0.0.0/8`, of both families. Throws `invalid` for anything else. */
export function networksOf(texts: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of texts) {
    const [, address = '', bits] = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
    const family = isIP(address)
    const most = family === 4 ? 32 : 128
    if (family === 0 || Number(bits ?? 0) > most) {
      throw new Fault('invalid', `not an address or a network: ${JSON.stringify(text)}`, { hint: 'write 10.0.0.7 or 10.0.0.0/8' })
    }
    list.addSubnet(address, Number(bits ?? most), family === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}

function isWithin(list: BlockList, address: string): boolean {
  const family = isIP(address)
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

/** An IPv4 address that comes over a socket of both families is written `::ffff:10.0.0.7`. */
function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice('::ffff:'.length) : address
}
