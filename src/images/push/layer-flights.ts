import type { KnownLayer } from './layer-memory.ts'

/** A layer that one image sends, and others need not. */
export interface Flight {
  /** Of the registry: where it goes to. */
  readonly repository: string
  /** Undefined where it did not arrive, or was given up. */
  readonly arrived: Promise<KnownLayer | undefined>
}

/**
 * The layers that are sent just now, by what archives call them: of images that are pushed side by side, each layer goes up once. For the
 * images of one registry.
 */
export interface LayerFlights {
  find(name: string): Flight | undefined
  begin(names: readonly string[], flight: Flight): void
  /** What was said of a name was wrong. */
  forget(name: string): void
}

export function layerFlights(): LayerFlights {
  const flights = new Map<string, Flight>()
  /** What has arrived stays known: also who comes later takes it from there. */
  const forgetLost = async (names: readonly string[], flight: Flight) => {
    if ((await flight.arrived) !== undefined) return
    for (const name of names) if (flights.get(name) === flight) flights.delete(name)
  }
  return {
    find: (name) => flights.get(name),
    begin(names, flight) {
      for (const name of names) flights.set(name, flight)
      void forgetLost(names, flight)
    },
    forget: (name) => void flights.delete(name),
  }
}
