import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import type { Answer, Asked } from '../kit/index.ts'
import { createHot } from './hot.ts'

function asked(headers: Record<string, string> = {}, change: Partial<Asked> = {}): Asked {
  const never = () => Promise.reject(new Error('not asked for'))
  const target = '/a?b=1'
  return {
    method: 'GET',
    target,
    path: '/a',
    search: '?b=1',
    headers: new Headers(headers),
    address: '',
    signal: AbortSignal.abort(),
    body: never,
    ...change,
  }
}

const page: Answer = { status: 200, headers: { etag: '"1"', 'cache-control': 'no-cache' }, body: new Uint8Array(10) }
const held: Answer = { status: 304, headers: { etag: '"1"' }, body: null }

describe('what was answered a moment ago', () => {
  it('is answered again to who asks the very same, and only for a moment', async () => {
    const clock = manualClock()
    const hot = createHot(clock)
    hot.keep(asked(), 'page', page)
    assert.equal(hot.find(asked())?.answer.body, page.body)
    assert.equal(hot.find(asked({ accept: 'text/html' })), undefined)
    assert.equal(hot.find(asked({ 'accept-encoding': 'gzip' })), undefined)
    assert.equal(hot.find(asked({}, { target: '/a?b=2' })), undefined)
    await clock.advance(250)
    assert.equal(hot.find(asked()), undefined)
  })

  it('is whole to who has another version, and 304 to who has this one', () => {
    const hot = createHot(manualClock())
    hot.keep(asked(), 'page', page)
    assert.equal(hot.find(asked({ 'if-none-match': '"1"' })), undefined)
    hot.keep(asked({ 'if-none-match': '"1"' }), 'page', held)
    assert.equal(hot.find(asked({ 'if-none-match': '"1"' }))?.answer.status, 304)
    assert.equal(hot.find(asked({ 'if-none-match': '"0"' }))?.answer.status, 200)
    assert.equal(hot.find(asked())?.answer.status, 200)
    const { ready } = hot.find(asked())!.answer
    assert.deepEqual(ready, ['etag', '"1"', 'cache-control', 'no-cache'])
  })

  it('is never what was for one caller, a part, a refusal, large, or said not to be kept', () => {
    const hot = createHot(manualClock())
    const none = (given: Asked, answer: Answer) => {
      hot.keep(given, 'page', answer)
      assert.equal(hot.find(asked()), undefined)
      assert.equal(hot.find(given), undefined)
    }
    none(asked({ authorization: 'Bearer x' }), page)
    none(asked({ range: 'bytes=0-1' }), page)
    none(asked({ 'if-modified-since': 'x' }), page)
    none(asked({}, { method: 'HEAD' }), page)
    none(asked(), { ...page, status: 206 })
    none(asked(), { ...page, status: 404 })
    none(asked(), { ...page, headers: { etag: '"1"', 'cache-control': 'no-store' } })
    none(asked(), { ...page, headers: {} })
    none(asked(), { ...page, body: new Uint8Array(1 << 20) })
    hot.keep(asked(), 'page', page)
    assert.equal(hot.find(asked({ authorization: 'Bearer x' })), undefined)
    hot.forget()
    assert.equal(hot.find(asked()), undefined)
  })
})
