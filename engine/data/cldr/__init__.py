"""The built-in corpus: facts of Unicode CLDR as question-passage pairs in eleven languages, without any download."""
