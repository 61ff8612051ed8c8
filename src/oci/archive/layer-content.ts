import { type Bytes, bytesOnce, Fault, hasher, type Hasher } from '../../kit/index.ts'
import type { LayerForm } from '../model/media-types.ts'
import { inflate } from './inflate.ts'
import type { LayerFacts } from './member.ts'

/** Content that is measured as it passes by. */
export interface LayerContent {
  readonly content: Bytes
  /** Throws `bug` before the content was read to its end. */
  facts(): MeasuredLayer
  /** Reads what nobody has read. Throws `corrupt` where the compression is damaged. */
  finish(): Promise<MeasuredLayer>
  /** Lets go of what is half read. */
  abandon(): Promise<void>
}

export type MeasuredLayer = Omit<LayerFacts, 'offset'>

export function measureLayer(pieces: AsyncIterator<Uint8Array>, size: number, form: LayerForm, limit: number): LayerContent {
  const outer = hasher()
  const plain = form === 'plain' ? undefined : digestInflated(form, limit)
  let waiting: Promise<void> | undefined
  let measured: MeasuredLayer | undefined
  const end = async (): Promise<MeasuredLayer> => {
    await plain?.end()
    const digest = measured?.digest ?? outer.digest()
    return (measured ??= { digest, size, form, diffId: plain?.digest() ?? digest })
  }
  const next = async (): Promise<Uint8Array | undefined> => {
    await waiting
    waiting = undefined
    const piece = await pieces.next()
    if (piece.done === true) return undefined
    // It inflates while whoever reads it is busy with the same piece.
    waiting = plain?.give(piece.value)
    waiting?.catch(() => undefined)
    outer.update(piece.value)
    return piece.value
  }
  const read = async function* (): AsyncGenerator<Uint8Array> {
    for (let piece = await next(); piece !== undefined; piece = await next()) yield piece
    // Whoever has read all of it may rely on it: before the end, not after.
    await end()
  }
  return {
    content: bytesOnce(read(), size),
    facts() {
      if (measured === undefined) throw new Fault('bug', 'a layer was asked what it is before it was read to its end')
      return measured
    },
    async finish() {
      while ((await next()) !== undefined);
      return await end()
    },
    async abandon() {
      await plain?.abandon()
    },
  }
}

interface InflatedDigest {
  /** Resolves when the piece is not needed any more. */
  give(piece: Uint8Array): Promise<void>
  end(): Promise<void>
  abandon(): Promise<void>
  digest(): ReturnType<Hasher['digest']>
}

/** A digest of what the pieces inflate to, which itself is not kept. */
function digestInflated(form: LayerForm, limit: number): InflatedDigest {
  const state = hasher()
  const passage = createPassage()
  const work = (async () => {
    try {
      for await (const piece of inflate(passage.pieces, form, limit)) state.update(piece)
      passage.stop(undefined)
    } catch (error) {
      passage.stop({ error })
      throw error
    }
  })()
  work.catch(() => undefined)
  return {
    give: passage.give,
    async end() {
      passage.end()
      await work
    },
    async abandon() {
      passage.end()
      await work.catch(() => undefined)
    },
    digest: () => state.digest(),
  }
}

/** Hands pieces from who gives to who takes, one at a time: a piece is given when the next one is asked for. */
function createPassage() {
  let piece: Uint8Array | undefined
  let hasEnded = false
  let stopped: { readonly failure: { readonly error: unknown } | undefined } | undefined
  let wakeTaker: () => void = () => undefined
  let wakeGiver: () => void = () => undefined
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) {
      while (piece === undefined && !hasEnded) await new Promise<void>((resolve) => (wakeTaker = resolve))
      if (piece === undefined) return
      yield piece
      piece = undefined
      wakeGiver()
    }
  }
  return {
    pieces: pieces(),
    async give(next: Uint8Array): Promise<void> {
      if (stopped === undefined) {
        piece = next
        wakeTaker()
        while (piece !== undefined && stopped === undefined) await new Promise<void>((resolve) => (wakeGiver = resolve))
      }
      if (stopped?.failure !== undefined) throw stopped.failure.error
    },
    end(): void {
      hasEnded = true
      wakeTaker()
    },
    stop(failure: { readonly error: unknown } | undefined): void {
      stopped = { failure }
      wakeGiver()
    },
  }
}
