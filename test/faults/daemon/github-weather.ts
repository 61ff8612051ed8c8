import type { Trouble } from '../../fakes/github/trouble.ts'
import { standIns, type Weather } from './weather.ts'

const trouble = { status: 502, message: 'Server Error', headers: {} }
const tooMany = { status: 429, message: 'Too many requests', headers: { 'retry-after': '1' } }
const secondary = {
  ...tooMany,
  status: 403,
  message: 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.',
}

/** GitHub’s API, as the weather has it. */
export function apiWeather(weather: Weather): Trouble {
  return {
    where: 'api',
    times: Infinity,
    async answer(request, response, go) {
      const misdeed = weather.next(standIns)
      if (misdeed === undefined) return await go()
      if (misdeed === 'reset') return void request.socket.resetAndDestroy()
      if (misdeed === 'hang') return weather.onCalm(() => request.socket.destroy())
      if (misdeed === 'lose-answer' || misdeed === 'cut')
        return void response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
          .write('{"total_count": 1, ', () => response.destroy())
      const { status, message, headers } = misdeed === 'busy' ? (weather.random() < 0.5 ? tooMany : secondary) : trouble
      const body = JSON.stringify({ message, documentation_url: 'https://docs.github.com/rest', status: String(status) })
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
    },
  }
}

/** The storage of artifacts. */
export function storageWeather(weather: Weather): Trouble {
  return {
    where: 'storage',
    times: Infinity,
    async answer(request, response, go) {
      // Artifacts have digests. Logs have none, and nobody could tell.
      const misdeed = weather.next(request.url?.startsWith('/artifacts/') === true ? [...standIns, 'flip'] : standIns)
      if (misdeed === undefined) return await go()
      if (misdeed === 'cut' || misdeed === 'lose-answer') return await go({ cutAfter: 1 + Math.floor(weather.random() * 20_000) })
      if (misdeed === 'flip') return await go({ flips: true })
      if (misdeed === 'hang') return weather.onCalm(() => request.socket.destroy())
      if (misdeed === 'reset') return void request.socket.resetAndDestroy()
      response.writeHead(misdeed === 'busy' ? 429 : 503, misdeed === 'busy' ? { 'retry-after': '1' } : {}).end('<Error/>')
    },
  }
}
