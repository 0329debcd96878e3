"""Types that every part shares: report specs, documents, accounts, the home's folders, the clock. No work is done here."""
