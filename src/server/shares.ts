import type { Server } from 'node:net'
import { networkOf } from './rates.ts'

/** Counts how many of what there are few of each address holds. A whole network of IPv6 is one. */
export interface Shares {
  /** Undefined where the address has its share already; else gives back what was taken. */
  take(address: string): (() => void) | undefined
}

export function createShares(most: number): Shares {
  const held = new Map<string, number>()
  return {
    take(address) {
      const key = networkOf(address)
      const count = held.get(key) ?? 0
      if (count >= most) return undefined
      held.set(key, count + 1)
      let isHeld = true
      return () => {
        if (!isHeld) return
        isHeld = false
        const left = held.get(key)! - 1
        if (left === 0) held.delete(key)
        else held.set(key, left)
      }
    },
  }
}

/** Closes connections beyond the share of an address as they come; undefined: an address that speaks for many, and has no share. */
export function shareConnections(server: Server, most: number, addressOf: (remote: string) => string | undefined): void {
  const shares = createShares(most)
  server.on('connection', (socket) => {
    const address = addressOf(socket.remoteAddress ?? '')
    if (address === undefined) return
    const giveBack = shares.take(address)
    if (giveBack === undefined) socket.destroy()
    else socket.once('close', giveBack)
  })
}
