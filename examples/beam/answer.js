// A solver's word is not enough: CalculiX exits 0 without an input file, and without supports.

/**
 * Says what is wrong with a solver's answer.
 *
 * @param answer `deflection_mm` and `reaction_N`
 * @param load   N, what the wall must carry, to 1e-3
 * @param span   mm; more deflection than this is absurd, and small-displacement theory ended long before
 * @returns a sentence, or undefined if the answer is sound
 */
export function whatIsWrong({ deflection_mm, reaction_N }, load, span) {
  if (!Number.isFinite(deflection_mm)) return `the deflection is not a finite number (${deflection_mm})`;
  if (!Number.isFinite(reaction_N)) return `the reaction is not a finite number (${reaction_N})`;
  if (deflection_mm <= 0 || deflection_mm > span)
    return `a deflection of ${deflection_mm} mm is absurd for a span of ${span} mm`;
  if (Math.abs(reaction_N - load) > 1e-3 * load) return `the reaction is ${reaction_N} N, but the load is ${load} N`;
  return undefined;
}
