import { expect, it } from 'vitest'
import { fourierPositions } from '../src/fourier.ts'

it('features are those of torch, to the last bits of large arguments', () => {
  const features = fourierPositions([24, 32], 64, [224, 224])
  expect(features.shape).toEqual([1, 768, 258])
  // transformers' generate_fourier_features, torch 2.7: place, channel, value.
  const known = [
    [0, 0, -1],
    [31, 1, 1],
    [100, 5, -0.8966925144195557],
    [383, 129, 2.123544254573062e-5],
    [383, 130, 0.9906859397888184],
    [700, 193, -0.06824535131454468],
    [767, 257, 1],
  ] as const
  for (const [place, channel, value] of known) {
    const [found] = features.read(place * 258 + channel, 1)
    expect(Math.abs(Number(found) - value), `${place}, ${channel}`).toBeLessThanOrEqual(6e-8)
  }
})

it('one row stands at the first end', () => {
  const features = fourierPositions([1, 2], 1, [4, 4])
  expect([...features.read(0, 2)]).toEqual([-1, -1])
  expect([...features.read(6, 2)]).toEqual([-1, 1])
})
