import { watchMoves } from './moves.ts'
import { rememberingStore } from './remembering-store.ts'
import type { Served, ServedView } from './served.ts'
import type { ServerState } from './state/open.ts'
import { whileUnmoved } from './unmoved.ts'

/** Milliseconds in which a ref is not looked at again. */
const freshFor = 1_000

/** What routes see: contexts that read remember for a moment, those that act do not. */
export function viewOf(given: Served, state: ServerState, onForget: () => void): ServedView {
  const { store, forget } = rememberingStore(given.store, { clock: given.clock, freshFor })
  return {
    ...given,
    store,
    moves: watchMoves(store),
    whileUnmoved: whileUnmoved(store),
    releases: async () => ({ ...(await given.releases()), store }),
    index: async (name) => ({ ...(await given.index(name)), store }),
    snapshots: async () => ({ ...(await given.snapshots()), store }),
    state,
    imageMemory: new Map(),
    acting: given,
    forget() {
      forget()
      onForget()
    },
  }
}
