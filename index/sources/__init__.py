"""Where policies come from: folders of files, histories, addresses."""
