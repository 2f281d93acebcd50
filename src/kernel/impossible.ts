/** A fact that cannot have happened: an answer before its intent, a point that was not started. Found by `replay`. */
export class ImpossibleFact extends Error {}
