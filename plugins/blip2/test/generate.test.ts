import { generationConformance } from '@silane/testkit'
import blip2 from '../src/index.ts'

generationConformance(blip2, { root: new URL('..', import.meta.url) })
