"""The operators' pages: what needs me, where is dossier N, how is partner P, what exactly did we say."""
