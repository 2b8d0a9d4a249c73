"""Weight files as users meet them: which are released, what one holds, ours from theirs."""
