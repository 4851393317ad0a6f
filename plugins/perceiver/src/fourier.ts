import { type Constant, computedConstant } from '@silane/core'

const { fround } = Math

/**
 * Fourier features of the places of a grid (`generate_fourier_features`), [1, rows·columns, 2 + 4·bands]: where a place stands between
 * −1 and 1, and sine and cosine of π·position·frequency, along rows first. The frequencies go up to half of `resolution`, whatever
 * the size of the grid.
 */
export function fourierPositions(grid: readonly [number, number], bands: number, resolution: readonly [number, number]): Constant {
  const [rows, columns] = grid
  const tables = [0, 1].map(axis => waves(grid[axis as 0 | 1], bands, resolution[axis as 0 | 1])) as [Float32Array, Float32Array]
  const width = 2 + 4 * bands
  const row = 1 + 2 * bands
  return computedConstant('fp32', [1, rows * columns, width], `fourier ${grid} ${bands} ${resolution}`, at => {
    const channel = at % width
    const place = (at - channel) / width
    const wave = channel - 2
    const axis = channel < 2 ? channel : Math.floor(wave / bands) % 2
    const column = channel < 2 ? 0 : 1 + (wave % bands) + (wave < 2 * bands ? 0 : bands)
    const along = axis === 0 ? Math.floor(place / columns) : place % columns
    return (tables[axis as 0 | 1] as Float32Array)[along * row + column] as number
  })
}

/**
 * Along one axis: [places, 1 + 2·bands], position, sines, cosines. Rounded where torch rounds: the arguments are so large that fp32 is off
 * by 1e-5 in them, and the weights were made for the features as they came out.
 */
function waves(places: number, bands: number, resolution: number): Float32Array {
  const positions = linspace(-1, 1, places)
  const frequencies = linspace(1, resolution / 2, bands)
  const row = 1 + 2 * bands
  const table = new Float32Array(places * row)
  for (const [place, position] of positions.entries()) {
    table[place * row] = position
    for (const [band, frequency] of frequencies.entries()) {
      const angle = fround(fround(Math.PI) * fround(position * frequency))
      table[place * row + 1 + band] = Math.sin(angle)
      table[place * row + 1 + bands + band] = Math.cos(angle)
    }
  }
  return table
}

/** torch.linspace in fp32: counted from the nearer end, with products that are not rounded before they are added. */
function linspace(start: number, end: number, steps: number): Float32Array {
  const step = steps === 1 ? 0 : fround((end - start) / (steps - 1))
  const half = Math.floor(steps / 2)
  return Float32Array.from({ length: steps }, (_, i) => (i < half || steps === 1 ? start + step * i : end - step * (steps - 1 - i)))
}
