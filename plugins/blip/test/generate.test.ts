import { generationConformance } from '@silane/testkit'
import blip from '../src/index.ts'

generationConformance(blip, { root: new URL('..', import.meta.url) })
