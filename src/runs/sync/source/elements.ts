import { Fault } from '../../../kit/index.ts'

/** What one element of the list may take, and what is around the list. */
const maxElementBytes = 64 << 20
const maxFrameBytes = 16 << 20

/** Takes the elements of one top-level list out of a JSON object that comes in pieces, so that it may be of any size. */
export interface ElementReader {
  /** The elements that end in this piece, each as its own text. */
  push(piece: Uint8Array): string[]
  /** What is around the elements; each of them is a 0 there. */
  end(): unknown
}

const [quote, backslash, open, close, openList, closeList] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d]

export function readElements(list: string, at: string): ElementReader {
  const frame = growing(maxFrameBytes, at)
  const element = growing(maxElementBytes, at)
  const name = Buffer.from(list)
  let depth = 0
  let isInString = false
  let isEscaped = false
  let isInList = false
  let word: number[] = []
  let lastWord = Buffer.alloc(0)

  return {
    push(piece) {
      const found: string[] = []
      // Where the bytes begin that are not kept yet, and whether they are of an element.
      let start = 0
      const keepUntil = (end: number) => {
        const isOfElement = isInList && depth > 2
        ;(isOfElement ? element : frame).add(piece.subarray(start, end))
        start = end
      }
      for (let at = 0; at < piece.byteLength; at++) {
        const byte = piece[at]!
        if (isInString) {
          if (isEscaped) isEscaped = false
          else if (byte === backslash) isEscaped = true
          else if (byte === quote) {
            isInString = false
            if (depth === 1) lastWord = Buffer.from(word)
          }
          if (isInString && depth === 1 && word.length < 64) word.push(byte)
        } else if (byte === quote) {
          isInString = true
          word = []
        } else if (byte === open || byte === openList) {
          if (isInList && depth === 2) keepUntil(at)
          if (depth === 1 && byte === openList && lastWord.equals(name)) isInList = true
          depth++
        } else if (byte === close || byte === closeList) {
          if (isInList && depth === 3) {
            keepUntil(at + 1)
            found.push(element.take())
            frame.add(zero)
          }
          depth--
          if (isInList && depth === 1) isInList = false
        }
      }
      keepUntil(piece.byteLength)
      return found
    },
    end() {
      try {
        return JSON.parse(frame.take()) as unknown
      } catch (error) {
        throw new Fault('corrupt', 'it is not valid JSON', { at, cause: error })
      }
    },
  }
}

const zero = Buffer.from('0')

function growing(limit: number, at: string) {
  let pieces: Uint8Array[] = []
  let size = 0
  return {
    add(piece: Uint8Array) {
      size += piece.byteLength
      if (size > limit) throw new Fault('corrupt', `a part of it is larger than its limit of ${limit} bytes`, { at })
      if (piece.byteLength > 0) pieces.push(Buffer.from(piece))
    },
    take() {
      const text = Buffer.concat(pieces).toString('utf8')
      pieces = []
      size = 0
      return text
    },
  }
}
